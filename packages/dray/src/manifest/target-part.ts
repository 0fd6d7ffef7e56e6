import type * as z from "zod";

/** What a target says of its part of dray.yaml. */
export interface TargetPart {
  /** As `target:` names it; its options have the same key. */
  kind: string;
  /** In docs: "Where it runs: ...". */
  title: string;
  /** Undefined: it has no options of its own. */
  options?: z.ZodType;
  /** What is missing in a manifest that names this target, a sentence each. */
  problems?: (manifest: {
    machine?: string | undefined;
    machines?: object | undefined;
    protocol?: string | undefined;
  }) => string[];
}
