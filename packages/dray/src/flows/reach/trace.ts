import { Failure } from "../../base/failure.ts";
import { CATALOGUE } from "../../catalogue.ts";
import type { TraceWanted, VerbSession } from "../../contract/target.ts";
import { brokenHop, type Trace } from "../../core/trace.ts";
import { chainOf } from "../../core/chain.ts";
import { atEach, type Scope, subjectOf, targetOf } from "../fleet/places.ts";

/** What else is to be sent: a URL, headers, a body. */
export type TraceRequest = Pick<TraceWanted, "url" | "headers" | "body">;

/** Walks the way from this computer to the model, at every place, and says where it breaks. @throws Failure usage.invalid */
export async function trace(scope: Scope, request: TraceRequest, session: VerbSession): Promise<Trace[]> {
  const { manifest } = scope;
  const target = targetOf(manifest, session);
  return await atEach(scope, session, async ({ place }) => {
    return await target.trace({ ...request, manifest, place, clouds: clouds() }, session);
  });
}

/** The way to a container that somebody started by hand, or to a bare address. @throws Failure usage.invalid */
export async function traceByHand(wanted: TraceWanted, session: VerbSession): Promise<Trace> {
  return await session.byHand.trace({ ...wanted, clouds: clouds() }, session);
}

function clouds(): NonNullable<TraceWanted["clouds"]> {
  return Object.values(CATALOGUE.clouds).map((make) => make(undefined));
}

/** A place that cannot be reached: not a timeout, but the hop where the way to it breaks. */
export async function nameBreak(scope: Scope, error: unknown, session: VerbSession): Promise<unknown> {
  if (!(error instanceof Failure) || !error.code.startsWith("ssh.") || session.signal.aborted) return error;
  const { manifest, place } = subjectOf(scope, session);
  const walked = await targetOf(manifest, session).trace({ manifest, place, headers: {}, clouds: clouds() }, session);
  const broken = brokenHop(walked);
  if (broken?.why === undefined || broken.fix === undefined) return error;
  return new Failure(error.code, error.message, {
    hint: broken.fix,
    details: [chainOf(walked), broken.why, ...error.details],
    cause: error,
  });
}
