/** A row as it is sent: JSON; or why it cannot be. Rows count from 1. */
export interface BatchRow {
  row: number;
  body: string;
  /** Undefined: it can be asked for. */
  broken?: string;
}
