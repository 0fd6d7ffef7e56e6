/** The four sides of "may this be called production?", as the ML Test Score has them (Breck et al. 2017). */
export type Section = "interface" | "delivery" | "runtime" | "monitoring";

/** One of the 27 questions, asked: `skipped` where it does not apply, `unknown` where it could not be asked. */
export interface Item {
  number: number;
  section: Section;
  title: string;
  verdict: "pass" | "fail" | "skipped" | "unknown";
  /** What was seen. */
  evidence: string;
  /** What to do, where it failed. */
  fix?: string;
}

export interface Checked {
  items: Item[];
  /** Share of the applicable items that pass, by section; what is unknown does not pass. */
  sections: Record<Section, number>;
  /** The worst section: a chain is as strong as its weakest link. */
  score: number;
}

const SECTIONS: readonly Section[] = ["interface", "delivery", "runtime", "monitoring"];

/** Counts what was found; a section in which nothing applies counts as whole. */
export function scored(items: Item[]): Checked {
  const share = (section: Section): number => {
    const applicable = items.filter((item) => item.section === section && item.verdict !== "skipped");
    const passed = applicable.filter((item) => item.verdict === "pass").length;
    return applicable.length === 0 ? 1 : Math.round((passed / applicable.length) * 100) / 100;
  };
  const sections = Object.fromEntries(SECTIONS.map((section) => [section, share(section)])) as Checked["sections"];
  return { items, sections, score: Math.min(...Object.values(sections)) };
}
