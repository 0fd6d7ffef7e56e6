/** Links of the built pages that lead to no file or to no anchor of the site; pages are addresses in the folder `out`. */
export function deadLinks(out: string, pages: readonly string[]): string[];
