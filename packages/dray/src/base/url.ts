/** A path of a service, where clients call it: below its prefix. */
export function joinPath(base: string, below: string): string {
  const url = new URL(base);
  return new URL(url.pathname.replace(/\/$/, "") + (below.startsWith("/") ? below : `/${below}`), url).href;
}
