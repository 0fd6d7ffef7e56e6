import { expect, test } from "vitest";
import type { Context } from "../../../core/context.ts";
import type { Edge } from "../../../edge/edge.ts";
import { EMPTY_STATE, type EdgeState, type Kept } from "../../../edge/state.ts";
import type { Work } from "../plan/work.ts";
import { switchTraffic, withRelease } from "./switch.ts";
import { releaseOf } from "../../../../../../test/contract/releases.ts";

const kept = (id: string): Kept => ({
  release: releaseOf(id),
  replicas: [{ container: `dray-decisions-${id}-1`, address: "172.30.96.20", port: 8080 }],
  deployedAt: "2026-11-30T08:00:00Z",
});

/** An edge in memory that serves the first release, and notes each change of its state. */
class PaperEdge {
  known: EdgeState = withRelease(EMPTY_STATE, kept("r1"));

  async change(_service: string, to: (state: EdgeState) => EdgeState, audit: (before: EdgeState) => object) {
    audit(this.known);
    this.known = to(this.known);
    return await Promise.resolve({ how: "switched" as const, after: this.known });
  }

  servers = async (): Promise<[]> => await Promise.resolve([]);
  hasOldWorkers = async (): Promise<boolean> => await Promise.resolve(false);
}

const context: Context = { signal: new AbortController().signal, emit: () => undefined, secrets: new Map() };

async function switched(): Promise<{ edge: PaperEdge; undo: (context: Context) => Promise<void> }> {
  const edge = new PaperEdge();
  const site = { machine: { name: "vm", address: "203.0.113.7" }, edge: edge as unknown as Edge };
  const { release, replicas } = kept("r2");
  const work = { site, release, seen: { machine: "vm" }, who: "sue", startedAt: 0, bytesSent: 0 } as unknown as Work;
  const { undo } = await switchTraffic(work, replicas, [], context);
  return { edge, undo };
}

const currentOn = (edge: PaperEdge): string | undefined => edge.known.services["decisions"]?.current;

test("a switch that is undone gives the traffic back to the release before", async () => {
  const { edge, undo } = await switched();
  expect(currentOn(edge)).toBe("r2");
  await undo(context);
  expect(edge.known.services["decisions"]).toEqual(withRelease(EMPTY_STATE, kept("r1")).services["decisions"]);
});

test("a switch that is undone leaves another's release alone: somebody took the lock over and gave the traffic to theirs", async () => {
  const { edge, undo } = await switched();
  edge.known = withRelease(edge.known, kept("r3"));
  const theirs = edge.known.services["decisions"];
  await undo(context);
  expect(edge.known.services["decisions"]).toEqual(theirs);
  expect(currentOn(edge)).toBe("r3");
});
