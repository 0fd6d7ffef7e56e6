/** Why a model, a schema or a request cannot be served: one sentence, and what would do. */
export class Refusal extends Error {
  /** HTTP status, where a client is told. */
  readonly status: number;
  readonly issues: readonly Issue[];

  constructor(status: number, message: string, issues: readonly Issue[] = []) {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.issues = issues;
  }
}

/** One thing that is wrong in a request. `path` is a JSON Pointer (RFC 6901) into the body. */
export interface Issue {
  path: string;
  expected: string;
  got: string;
}
