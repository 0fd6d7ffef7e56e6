import { sleep } from "drayage-clock";
import * as z from "zod";
import type { LogWanted } from "../verbs.ts";
import { atPlace, type Call, call, name, service } from "./call.ts";
import { CHANGING } from "./changing.ts";
import { atPlaces, placeOf, servedAt } from "./desk.ts";
import { TRYING } from "./trying.ts";

const ofService = z.strictObject({ service });
const MAX_SINCE_S = 31 * 24 * 3600;
const MOST_REQUESTS = 200;
const PULSE_MS = 5000;
const MOST_RUNS = 50;

const over = (mostS: number) => z.strictObject({ service, place: name.optional(), sinceS: z.int().min(1).max(mostS) });

const sinceMsOf = ({ sinceS }: { sinceS: number }): { sinceMs: number } => ({ sinceMs: Date.now() - sinceS * 1000 });

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
  metrics: call(over(MAX_SINCE_S), async (asked, wanted) => {
    await atPlaces(asked, wanted, async (scope) => await asked.verbs.metrics(scope, wanted.sinceS));
  }),
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
  drift: call(over(MAX_SINCE_S), async (asked, wanted) => {
    await atPlaces(asked, wanted, async (scope) => await asked.verbs.requests.drift(scope, sinceMsOf(wanted)));
  }),
  shadow: call(atPlace, async (asked, wanted) => {
    await atPlaces(asked, wanted, async (scope) => await asked.verbs.shadow.report(scope));
  }),
  requests: call(over(MAX_SINCE_S), async (asked, wanted) => {
    await atPlaces(asked, wanted, async (scope) => {
      const all = await asked.verbs.requests.kept(scope, sinceMsOf(wanted).sinceMs);
      return [all.slice(-MOST_REQUESTS).toReversed()];
    });
  }),
  ...TRYING,
  ...CHANGING,
};
