/** Copies of real requests for a release, before it answers any. */
export interface ShadowRollout {
  /** Of the requests, in percent. */
  share: number;
  /** Milliseconds; undefined: until somebody ends it. */
  for?: number;
  /** Share of the answers that must agree; below it the release is taken back. */
  minAgreement: number;
  /** Numbers closer than this (relative) count as equal. */
  tolerance: number;
  /** Answers that are needed to judge. */
  minimum: number;
}
