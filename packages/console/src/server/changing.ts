import * as z from "zod";
import { type Call, call, name, service } from "./call.ts";
import { type Asked, placeOf, servedAt } from "./desk.ts";

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

const keyWanted = z.strictObject({ service, name });

/** What changes something, and the plan of it: only this needs the operator's leave. */
export const CHANGING: Readonly<Record<string, Call>> = {
  "rollback/plan": call(rollbackWanted, async (asked, wanted) => await rollback(asked, wanted, "plan")),
  rollback: call(rollbackWanted, async (asked, wanted) => await rollback(asked, wanted, "perform"), "changes"),
  "keys/add": call(
    keyWanted,
    async ({ desk, verbs, tell }, wanted) => {
      const { manifest } = servedAt(desk, wanted.service);
      tell({ found: { key: await verbs.keys.add({ manifest }, wanted.name) } });
    },
    "changes",
  ),
  "keys/revoke": call(
    keyWanted,
    async ({ desk, verbs, tell }, wanted) => {
      const { manifest } = servedAt(desk, wanted.service);
      tell({ found: await verbs.keys.revoke({ manifest }, wanted.name) });
    },
    "changes",
  ),
  "alerts/test": call(
    z.strictObject({ service }),
    async ({ desk, verbs, tell }, wanted) => {
      const { manifest } = servedAt(desk, wanted.service);
      tell({ found: await verbs.alerts.test({ manifest }) });
    },
    "changes",
  ),
};
