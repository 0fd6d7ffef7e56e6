import type { TargetPart } from "../../manifest/target-part.ts";

/** What dray.yaml says of this target: its machines are named at the top. */
export const part: TargetPart = {
  kind: "machines",
  title: "machines over ssh",
  problems: ({ machine, machines }) =>
    machine === undefined && machines === undefined ? ['name a machine: "machine: user@host"'] : [],
};
