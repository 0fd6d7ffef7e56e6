/** Where the sources say something to a user: failures, refusals, hints, and lines on the screen. */
const SAID =
  /(?:new (?:Failure|Refusal)\(\s*[\w".-]+,\s*|\bhint: |noParts\(|noRuntime\(|\btext: |\btell\(|\bsay\(|: \(?[^()]*\)? =>\s*)(["`])((?:\\.|(?!\1).)*)\1/gs;

/** The texts that a source file says to users; a value in one counts as a word. */
export function messagesIn(source: string): string[] {
  return [...source.matchAll(SAID)].flatMap((match) =>
    (match[2] ?? "").replaceAll(/\$\{[^}]*\}/g, "X").split(String.raw`\n`),
  );
}
