/** Headers as curl takes them: `name: value`. */
export function headersOf(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((header): [string, string] => {
      const [name = "", ...value] = header.split(":");
      return [name.trim().toLowerCase(), value.join(":").trim()];
    }),
  );
}
