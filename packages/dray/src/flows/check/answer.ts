import type { Item, Section } from "../../core/check.ts";

/** The answer of a question, and how to mend what it found. */
export type Said = Pick<Item, "verdict" | "evidence"> & { fix?: string };

export const pass = (evidence: string): Said => ({ verdict: "pass", evidence });
export const fail = (evidence: string, fix: string): Said => ({ verdict: "fail", evidence, fix });
export const skipped = (evidence: string): Said => ({ verdict: "skipped", evidence });
export const unknown = (evidence: string): Said => ({ verdict: "unknown", evidence });

/** Pass or fail, by what was seen. */
export function when(good: boolean, evidence: string, fix: string): Said {
  return good ? pass(evidence) : fail(evidence, fix);
}

/** One question and how its answer is found. A question that breaks is unknown, and says why. */
export interface Question<Facts> {
  number: number;
  section: Section;
  title: string;
  ask: (facts: Facts) => Said | Promise<Said>;
}

export async function askAll<Facts>(questions: readonly Question<Facts>[], facts: Facts): Promise<Item[]> {
  return await Promise.all(
    questions.map(async ({ number, section, title, ask }): Promise<Item> => {
      try {
        return { number, section, title, ...(await ask(facts)) };
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return { number, section, title, ...unknown(`could not be asked: ${why}`) };
      }
    }),
  );
}
