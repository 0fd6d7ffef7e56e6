import { fail, pass, type Question, skipped, unknown, when } from "./answer.ts";
import type { Facts } from "./facts.ts";

const section = "monitoring" as const;
const BY_HAND = "dray deploy: the edge and the keeper see to it";
const DAY_MS = 86_400_000;
const PROVED_DAYS = 90;
const FULL = 0.8;
const SKEW_MS = 5000;

/** Who would notice, and how. */
export const MONITORING: readonly Question<Facts>[] = [
  {
    number: 21,
    section,
    title: "logs are kept, bounded, and joined by a request's id",
    ask: async ({ ask, inside }) => {
      if (inside === undefined) return unknown("the machine was not asked: --machine");
      const unbounded = inside.live.filter((each) => each.HostConfig.LogConfig.Config?.["max-size"] === undefined);
      if (unbounded.length > 0) return fail("the container's log grows without end", BY_HAND);
      const { headers } = await ask({ path: "/" }, true);
      const id = headers["x-request-id"];
      if (id === undefined) return fail("answers carry no x-request-id", BY_HAND);
      const lines = await inside.logged(id);
      return when(lines.length > 0, `request ${id} is in the access log; logs are rotated`, BY_HAND);
    },
  },
  {
    number: 22,
    section,
    title: "requests, errors and times are counted",
    ask: ({ inside }) => {
      if (inside?.keeper === undefined) return fail("nobody counts", BY_HAND);
      const all = inside.metrics?.all;
      if (all === undefined) return unknown(inside.unmeasured ?? "the keeper did not answer");
      return pass(
        `${all.requests} requests of the last day counted, p95 ${all.p95Ms} ms; dray metrics, and /.dray/metrics for a Prometheus`,
      );
    },
  },
  {
    number: 23,
    section,
    title: "somebody is told, and that was tried",
    ask: ({ inside }) => {
      if (inside?.service?.alerts !== true)
        return fail("nobody is told of anything", "alerts: {webhook: {env: SLACK_URL}}, then dray alerts test");
      const { service } = inside.service;
      const proved = inside.audit.findLast((each) => each["service"] === service && each["alertsTested"] === true);
      const days = proved === undefined ? undefined : (Date.now() - Date.parse(String(proved["at"]))) / DAY_MS;
      const evidence =
        days === undefined ? "the way was never tried" : `the last test alert went out ${Math.floor(days)} days ago`;
      return when(days !== undefined && days < PROVED_DAYS, evidence, "dray alerts test");
    },
  },
  {
    number: 24,
    section,
    title: "what comes in is kept, and watched for drift",
    ask: ({ inside }) => {
      const fix = "requests: {share: 5} in the manifest, then dray drift";
      if (inside?.requestLog === undefined) return fail("no request is kept: nobody would see the input change", fix);
      const { kept, driftAt } = inside.requestLog;
      if (kept === 0) return skipped("no request was kept yet");
      return when(
        driftAt !== undefined,
        `${kept} requests kept; drift ${driftAt === undefined ? "was never looked for" : `last looked for at ${driftAt}`}`,
        "dray drift",
      );
    },
  },
  {
    number: 25,
    section,
    title: "the machine has room, and the right time",
    ask: async ({ ask, inside }) => {
      const { headers } = await ask({ path: "/" }, true);
      const skew = headers["date"] === undefined ? undefined : Math.abs(Date.parse(headers["date"]) - Date.now());
      if (inside?.disk === undefined) return unknown("the machine's disk could not be asked");
      const used = Math.round(inside.disk * 100);
      const clock = skew === undefined ? "its answers carry no date" : `its clock is ${Math.round(skew / 1000)} s off`;
      const good = inside.disk < FULL && (skew === undefined || skew < SKEW_MS);
      return when(
        good,
        `disk ${used} % full, ${clock}`,
        inside.disk < FULL ? "install chrony or systemd-timesyncd" : "docker system df; keep: 2; a larger disk",
      );
    },
  },
];
