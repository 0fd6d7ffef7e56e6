import { computed, signal } from "@preact/signals";

/** The pages of a service, in the order of its tabs. */
export const PAGES = [
  "service",
  "runs",
  "trace",
  "checks",
  "try",
  "requests",
  "logs",
  "drift",
  "alerts",
  "keys",
  "machines",
] as const;
export type Page = (typeof PAGES)[number];

/** Which page is shown: the overview, or one of a service's. */
export interface Route {
  service?: number;
  page: Page;
  /** What of the page is looked at: a run. */
  id?: string;
}

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
  // A new page begins at its top, and is read from its heading on.
  scrollTo(0, 0);
  requestAnimationFrame(() => document.querySelector<HTMLElement>("h1")?.focus());
});

export const route = computed<Route>(() => {
  const [, , number = "", name = "", id = ""] = hash.value.split("/");
  const page = PAGES.find((each) => each === name) ?? "service";
  return /^\d+$/.test(number) ? { service: Number(number), page, ...(id === "" ? {} : { id }) } : { page };
});

/** Where a service's page is. */
export function linkTo(service: number, page: Page = "service", id: string = ""): string {
  if (id !== "") return `#/s/${service}/${page}/${id}`;
  return page === "service" ? `#/s/${service}` : `#/s/${service}/${page}`;
}
