/** A sentence, and where it stands. */
export interface Sentence {
  from: string;
  text: string;
}

/** The prose of a page: without code blocks, tables, pictures and comments; a list's items are paragraphs. */
export function proseOf(markdown: string): string[] {
  const lines = markdown
    .replaceAll(/^(```|~~~)[\s\S]*?^\1.*$/gm, "")
    .replaceAll(/<!--[\s\S]*?-->/g, "")
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("|"))
    // A heading names a part; it states nothing.
    .map((line) => (line.startsWith("#") ? "" : line.replace(/^\s*([-*]|\d+\.)\s+/, "\n")));
  return lines
    .join("\n")
    .split(/\n\s*\n/)
    .map((paragraph) => plain(paragraph))
    .filter((paragraph) => paragraph !== "");
}

/** Text as it is read: a piece of code is one word, a link is its words. */
function plain(text: string): string {
  return text
    .replaceAll(/!\[[^\]]*\]\([^)]*\)/g, "")
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/`[^`]*`/g, "CODE")
    .replaceAll(/[*#]+/g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}

/** Texts of one place, cut into sentences. */
export function sentencesOf(from: string, ...texts: string[]): Sentence[] {
  return texts.flatMap((text) =>
    plain(text)
      .split(/(?<=[.!?])\s+(?=["'(]?[A-Z\d])/)
      .filter((each) => each !== "")
      .map((each) => ({ from, text: each })),
  );
}

const MOST_WORDS = 30;
const wordsIn = (text: string): number => text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;

/** What is wrong with a sentence in the voice of the house; nothing, if nothing is. */
export function faultOf({ text }: Sentence): string | undefined {
  if (/^["'(]?(Who|What|Whom)\b/i.test(text) && !/\?/.test(text)) return "a statement opens with Who, What or Whom";
  const words = wordsIn(text);
  return words > MOST_WORDS ? `${words} words` : undefined;
}
