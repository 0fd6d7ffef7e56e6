/** Three lines around a place, with a caret under it. */
export function frame(source: string, line: number, column: number): string {
  const all = source.split("\n");
  const width = String(line + 1).length;
  return all
    .slice(Math.max(0, line - 2), line + 1)
    .flatMap((content, index) => {
      const number = Math.max(1, line - 1) + index;
      const row = `${number === line ? ">" : " "} ${String(number).padStart(width)} | ${content}`;
      return number === line ? [row, `  ${" ".repeat(width)} | ${" ".repeat(column - 1)}^`] : [row];
    })
    .join("\n");
}
