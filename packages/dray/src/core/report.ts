/** What people read: a line, or a table. */
export type Block = string | { columns: readonly string[]; rows: readonly (readonly string[])[] };

/** What was found or done: `data` for programs, `text` for people. */
export interface Report<T extends object = object> {
  data: T;
  text: readonly Block[];
}
