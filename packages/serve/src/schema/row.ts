/** Values by the name of their feature. */
export type Row = Record<string, unknown>;
