import { signal } from "@preact/signals";
import type { PageProps } from "./app.tsx";
import type { Page } from "./route.ts";

/** Every page of a service, by name. */
export type Pages = Record<Page, (props: PageProps) => preact.JSX.Element>;

/** The pages of services come after the first words: undefined until then. */
export const pages = signal<Pages | undefined>(undefined);

/** Fetches them. */
export async function loadPages(): Promise<void> {
  pages.value = (await import("./pages/all.ts")).PAGES_SHOWN;
}
