import { expect, test } from "vitest";
import type { Release } from "../../core/release.ts";
import type { Edge } from "../../edge/edge.ts";
import { EMPTY_STATE, type EdgeState, type Kept } from "../../edge/state.ts";
import { keptOf, releaseOf } from "../../../../../test/contract/releases.ts";
import { leavesNothing } from "./outcome.ts";
import type { SeenContainer } from "./plan/observe.ts";
import type { Work } from "./plan/work.ts";
import { withRelease } from "./traffic/switch.ts";

const kept = (id: string): Kept => keptOf(releaseOf(id), [{ container: id, address: "172.30.96.20", port: 8080 }]);
const container = (service: string, network: string): SeenContainer => ({
  id: "c1",
  name: "c1",
  running: false,
  role: "replica",
  service,
  networks: [network],
});

/** What a deploy has in hand at its end: the machine's state with its release, and what it saw at its beginning. */
function work(about: { state?: EdgeState; containers?: SeenContainer[]; left?: string; release?: Release }): Work {
  const { state = withRelease(EMPTY_STATE, kept("r1")), containers = [], left = "" } = about;
  const edge = { known: state } as Edge;
  return {
    site: { edge },
    seen: { containers },
    release: about.release ?? releaseOf("r1"),
    lease: { left },
  } as unknown as Work;
}

test("a service's first release leaves nothing to retire, whatever else is on the machine", () => {
  expect(leavesNothing(work({}))).toBe(true);
  expect(leavesNothing(work({ containers: [container("other", "dray.other")] }))).toBe(true);
});

test.each([
  ["a release before", work({ state: withRelease(withRelease(EMPTY_STATE, kept("r0")), kept("r1")) })],
  ["a container that a killed deploy left", work({ containers: [container("decisions", "dray.decisions")] })],
  ["a replica that is to leave the network of all", work({ containers: [container("other", "dray")] })],
  ["the journal of somebody who was interrupted", work({ left: '{"v":1}' })],
  ["values of secrets that a keeper may have from before", work({ release: releaseOf("r1", { secrets: ["TOKEN"] }) })],
  ["weights beside others that nobody uses", work({ release: releaseOf("r1", { weights: {} }) })],
])("%s is looked after", (_what, about) => {
  expect(leavesNothing(about)).toBe(false);
});
