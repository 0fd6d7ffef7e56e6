import { within } from "drayage-clock";
import { asFailure, Failure } from "../../base/failure.ts";
import { run } from "../../base/process.ts";
import type { Outcome } from "../../contract/order.ts";
import type { VerbSession } from "../../contract/target.ts";
import type { Manifest } from "../../manifest/schema.ts";

/** The longest that one command of `on:` may take; a deploy's end does not wait for a chat server that is down. */
const HOOK_MS = 60_000;

/** What a command of `on:` is told on its standard input. Version 1: fields may be added, never changed. */
export interface HookEvent {
  v: 1;
  event: "deployed" | "failed";
  verb: "deploy" | "rollback";
  service: string;
  environment?: string;
  who: string;
  at: string;
  /** Each place where it went through; where it failed anywhere, `failure.details` says where. */
  places: { name: string; url: string; release: string; before?: string }[];
  /** Why it did not. */
  failure?: { code: string; message: string; details: readonly string[] };
}

/** A verb whose end the manifest's commands are told of. */
interface Hooked {
  manifest: Pick<Manifest, "on" | "service" | "environment" | "folder">;
  verb: HookEvent["verb"];
  mode: "plan" | "perform" | undefined;
}

/** Carries a verb out, and tells the manifest's commands how it went. @throws what `act` throws */
export async function withHooks<T extends { outcomes: Outcome[] }>(
  hooked: Hooked,
  session: VerbSession,
  act: () => Promise<T>,
): Promise<T> {
  if (hooked.mode === "plan") return await act();
  try {
    const done = await act();
    await tellHooks(hooked, { event: "deployed", places: done.outcomes.map(placeOf) }, session);
    return done;
  } catch (error) {
    const failure = asFailure(error);
    // A fleet's failure says what happened on its first machine.
    const first = failure.cause instanceof Failure ? failure.cause : failure;
    // A person who said no, or stopped it, knows.
    const known = session.signal.aborted || first.code === "usage.declined";
    const { code, message, details } = failure;
    if (!known) await tellHooks(hooked, { event: "failed", places: [], failure: { code, message, details } }, session);
    throw error;
  }
}

function placeOf({ machine, url, release, before }: Outcome): HookEvent["places"][number] {
  return { name: machine, url, release, ...(before === undefined ? {} : { before }) };
}

/** The commands, one after the other: what one of them gets wrong is told, and the next one runs. */
async function tellHooks(
  { manifest, verb }: Hooked,
  what: Pick<HookEvent, "event" | "places" | "failure">,
  session: VerbSession,
): Promise<void> {
  const { service, environment, folder, on } = manifest;
  const event: HookEvent = {
    v: 1,
    verb,
    service,
    ...(environment === undefined ? {} : { environment }),
    who: session.who,
    at: new Date().toISOString(),
    ...what,
  };
  for (const command of on[what.event]) {
    const told = (problem: unknown): void => session.emit({ type: "warning", text: asFailure(problem).message });
    await runHook(command, { event, folder }, session.signal).catch(told);
  }
}

async function runHook(
  command: string,
  { event, folder }: { event: HookEvent; folder: string },
  signal: AbortSignal,
): Promise<void> {
  const refused = (why: string): Failure =>
    new Failure("hook.failed", `the command for on.${event.event} ${why}: ${command}`);
  const ended = await within(HOOK_MS, signal, (limit) =>
    run(["sh", "-c", command], { signal: limit, cwd: folder, stdin: `${JSON.stringify(event)}\n` }),
  ).catch((error: unknown) => {
    throw refused(asFailure(error).message);
  });
  const last = `${ended.stdout}\n${ended.stderr}`.trim().split("\n").at(-1) ?? "";
  if (ended.code !== 0) throw refused(`ended with ${ended.code}${last === "" ? "" : ` (${last})`}`);
}
