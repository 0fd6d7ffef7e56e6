import { verdictOf } from "./cloud-facts.ts";
import { machineIn, ok, passedOver, type HopDefinition } from "./hop-words.ts";

/** What the cloud itself says of the machine: asked only where a connection was not possible. */
export const CLOUD_HOP: HopDefinition = {
  hop: "cloud",
  title: "the cloud's record",
  to: machineIn,
  judge: ({ cloud, target }) => {
    if (cloud === undefined)
      return passedOver("not asked: it answers, or is no machine of a cloud that this computer has a login for");
    if (cloud.machine === null) return ok(`no machine of ${cloud.project} has that address`);
    const { name, zone, status, external, tags } = cloud.machine;
    const rules =
      cloud.rules === undefined ? "" : `, port ${target.port}: ${LET[verdictOf(cloud.rules, tags, target.port).let]}`;
    return ok(
      `${name} (${zone}) is ${status}, ${external ?? "no external address"}, tags ${tags.join(" ") || "none"}${rules}`,
    );
  },
  explain: (found) =>
    `The provider has a record of its own of ${machineIn(found)}: whether it runs, which address leads to it, and what its firewall lets in. An address that is not reserved is another one after each stop.`,
};

const LET = {
  in: "let in",
  tag: "let in for other tags",
  some: "let in from some addresses",
  denied: "denied",
  nobody: "no rule lets it in",
} as const;
