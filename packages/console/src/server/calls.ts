import { sleep } from "drayage-clock";
import * as z from "zod";
import type { LogWanted } from "../verbs.ts";
import { type Asked, atPlaces, BadCall, placeOf, servedAt } from "./desk.ts";

/** One thing that the page may ask for. */
interface Call {
  /** It changes what runs: only with the operator's leave. */
  changes: boolean;
  /** Looks at the body and answers. @throws BadCall */
  answer<M>(asked: Asked<M>, body: unknown): Promise<void>;
}

const service = z.int().min(0).max(1000);
const name = z.string().min(1).max(200);
const ofService = z.strictObject({ service });
const atPlace = z.strictObject({ service, place: name.optional() });
const MAX_SINCE_S = 31 * 24 * 3600;
const PULSE_MS = 5000;
const MOST_RUNS = 50;

/** A call whose body has that shape; every other body is refused. */
function call<B>(
  body: z.ZodType<B>,
  act: <M>(asked: Asked<M>, wanted: B) => Promise<void>,
  changes: "reads" | "changes" = "reads",
): Call {
  return {
    changes: changes === "changes",
    answer: async (asked, given) => {
      const parsed = body.safeParse(given);
      if (!parsed.success) throw new BadCall("the call does not have the shape that it should have");
      await act(asked, parsed.data);
    },
  };
}

const logWanted = z.strictObject({
  service,
  place: name.optional(),
  follow: z.boolean(),
  edge: z.boolean(),
  tail: z.int().min(1).max(5000),
  grep: z.string().min(1).max(200).optional(),
  release: name.optional(),
  status: z
    .string()
    .regex(/^[1-5][\dx]{2}$/)
    .optional(),
  id: name.optional(),
});

/** What somebody types is looked for as it stands: the page offers no pattern, so none can take for ever. */
function optionsOf({ follow, edge, tail, grep, release, status, id }: z.infer<typeof logWanted>): LogWanted {
  return {
    follow,
    tail,
    edge: edge || status !== undefined,
    ...(grep === undefined ? {} : { grep: new RegExp(grep.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)) }),
    ...(release === undefined ? {} : { release }),
    ...(status === undefined ? {} : { status }),
    ...(id === undefined ? {} : { id }),
  };
}

const rollbackWanted = z.strictObject({ service, place: name.optional(), to: name.optional() });
type RollbackWanted = z.infer<typeof rollbackWanted>;

async function rollback<M>(
  { desk, verbs, tell }: Asked<M>,
  wanted: RollbackWanted,
  mode: "plan" | "perform",
): Promise<void> {
  const served = servedAt(desk, wanted.service);
  const only = wanted.place === undefined ? {} : { only: placeOf(served, wanted.place).name };
  const to = wanted.to === undefined ? {} : { to: wanted.to };
  tell({ found: await verbs.rollback({ manifest: served.manifest, ...only }, { ...to, mode }) });
}

/** Everything that can be asked, by the path below /api/. */
export const CALLS: Readonly<Record<string, Call>> = {
  hello: call(z.strictObject({}), async ({ desk: { version, services, mayChange }, tell }) => {
    const shown = services.map(({ service: named, file, target, places }) => ({
      service: named,
      file,
      target,
      places,
    }));
    tell({ found: { version, mayChange, services: shown } });
    await Promise.resolve();
  }),
  pulse: call(z.strictObject({}), async ({ tell, signal }) => {
    while (!signal.aborted) {
      tell({ pulse: new Date().toISOString() });
      await sleep(PULSE_MS, signal).catch(() => undefined);
    }
  }),
  status: call(atPlace, async (asked, wanted) => {
    await atPlaces(asked, wanted, async (scope) => await asked.verbs.status(scope));
  }),
  metrics: call(
    z.strictObject({ service, place: name.optional(), sinceS: z.int().min(1).max(MAX_SINCE_S) }),
    async (asked, wanted) => {
      await atPlaces(asked, wanted, async (scope) => await asked.verbs.metrics(scope, wanted.sinceS));
    },
  ),
  trace: call(atPlace, async (asked, wanted) => {
    await atPlaces(asked, wanted, async (scope) => await asked.verbs.trace(scope));
  }),
  facts: call(atPlace, async (asked, wanted) => {
    await atPlaces(asked, wanted, async (scope) => await asked.verbs.hosts.facts(scope));
  }),
  keys: call(atPlace, async (asked, wanted) => {
    await atPlaces(asked, wanted, async (scope) => await asked.verbs.keys.list(scope));
  }),
  check: call(z.strictObject({ service, place: name }), async ({ desk, verbs, tell }, wanted) => {
    const served = servedAt(desk, wanted.service);
    tell({ found: await verbs.check({ manifest: served.manifest, place: placeOf(served, wanted.place) }) });
  }),
  logs: call(logWanted, async ({ desk, verbs, tell }, wanted) => {
    const served = servedAt(desk, wanted.service);
    const only = wanted.place === undefined ? {} : { only: placeOf(served, wanted.place).name };
    await verbs.logs({ manifest: served.manifest, ...only }, optionsOf(wanted), (line) => tell({ line }));
  }),
  runs: call(ofService, async ({ desk, verbs, tell }, wanted) => {
    const { service: named } = servedAt(desk, wanted.service);
    const all = await verbs.runs.list();
    tell({ found: all.filter((run) => run.service === named).slice(0, MOST_RUNS) });
  }),
  run: call(z.strictObject({ id: z.string().regex(/^[\w-]{1,60}$/) }), async ({ verbs, tell, signal }, { id }) => {
    for await (const news of verbs.runs.follow(id, signal)) tell({ news });
    const { happenings: _told, ...summary } = await verbs.runs.read(id);
    tell({ found: summary });
  }),
  "rollback/plan": call(rollbackWanted, async (asked, wanted) => await rollback(asked, wanted, "plan")),
  rollback: call(rollbackWanted, async (asked, wanted) => await rollback(asked, wanted, "perform"), "changes"),
  "keys/add": call(
    z.strictObject({ service, name }),
    async ({ desk, verbs, tell }, wanted) => {
      const { manifest } = servedAt(desk, wanted.service);
      tell({ found: { key: await verbs.keys.add({ manifest }, wanted.name) } });
    },
    "changes",
  ),
  "keys/revoke": call(
    z.strictObject({ service, name }),
    async ({ desk, verbs, tell }, wanted) => {
      const { manifest } = servedAt(desk, wanted.service);
      tell({ found: await verbs.keys.revoke({ manifest }, wanted.name) });
    },
    "changes",
  ),
};
