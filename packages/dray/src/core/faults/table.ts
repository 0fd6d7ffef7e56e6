import type { Evidence, Fault } from "../evidence.ts";
import { ACCESS } from "./access.ts";
import { CLOUD_BOOT, CLOUD_FIREWALL, CLOUD_MACHINE } from "./cloud.ts";
import { CONTAINER } from "./container.ts";
import { EDGE_FAULTS, EDGE_TO_APP } from "./edge.ts";
import { LISTENER, PORT_TAKEN } from "./listener.ts";
import { MODEL_ASKED, MODEL_START } from "./model.ts";
import { PACKET } from "./packet.ts";
import { PREDICT } from "./predict.ts";
import { PROCESS } from "./process.ts";
import { HERE, OFFLINE, REACH } from "./reach.ts";
import { TLS } from "./tls.ts";

/**
 * Every fault that is known, causes before what they cause: a stopped container also makes a port refuse, and is asked
 * for first. docs/why-cant-i-reach-it.md is made from this.
 */
export const FAULTS: readonly Fault[] = [
  ...OFFLINE,
  ...CLOUD_MACHINE,
  ...HERE,
  ...CLOUD_BOOT,
  ...ACCESS,
  ...REACH,
  ...EDGE_FAULTS,
  ...PORT_TAKEN,
  ...MODEL_START,
  ...CONTAINER,
  ...LISTENER,
  ...CLOUD_FIREWALL,
  ...PACKET,
  ...PROCESS,
  ...TLS,
  ...EDGE_TO_APP,
  ...MODEL_ASKED,
  ...PREDICT,
];

/** The cause, when the evidence is of one that is known. */
export function diagnose(found: Evidence): Fault | undefined {
  return FAULTS.find((fault) => fault.when(found));
}
