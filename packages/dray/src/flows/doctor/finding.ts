/** One thing of this computer: `lacking` is missing and not needed by everybody, `unknown` could not be asked. */
export interface Finding {
  name: string;
  verdict: "pass" | "fail" | "lacking" | "unknown";
  /** What was seen. */
  evidence: string;
  fix?: string;
}

/** A finding for each verdict, for those who look. */
export const passes = (name: string, evidence: string): Finding => ({ name, verdict: "pass", evidence });
export const fails = (name: string, evidence: string, fix: string): Finding => ({
  name,
  verdict: "fail",
  evidence,
  fix,
});
export const lacking = (name: string, evidence: string, fix: string): Finding => ({
  name,
  verdict: "lacking",
  evidence,
  fix,
});
export const unanswered = (name: string, evidence: string, fix: string): Finding => ({
  name,
  verdict: "unknown",
  evidence,
  fix,
});
