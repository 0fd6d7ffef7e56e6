import type { Report } from "../../core/report.ts";
import { podsText } from "./plan.ts";
import type { Found, KeptRelease } from "./sight.ts";

interface Row {
  release: string;
  state: "traffic" | "standby" | "kept" | "stray";
  pods: string;
  size: string;
  image: string;
  since: string;
}

interface Status {
  service: string;
  where: string;
  url?: string;
  releases: Row[];
}

const COLUMNS = ["release", "state", "pods ready", "size", "image", "since"];

/** What runs of a service in a namespace. */
export function statusReport(service: string, found: Found, url: string | undefined): Report<Status> {
  const where = `Kubernetes, namespace ${found.namespace}`;
  const releases = found.releases.map((each) => rowOf(each, found));
  const data = { service, where, ...(url === undefined ? {} : { url }), releases };
  const head = `${where}: ${found.current === undefined ? "nothing deployed" : (url ?? "its Gateway has no address")}`;
  const rows = releases.map(({ release, state, pods, size, image, since }) => [
    release,
    state,
    pods,
    size,
    image,
    since,
  ]);
  return { data, text: [head, ...(rows.length === 0 ? [] : [{ columns: COLUMNS, rows }])] };
}

function rowOf(kept: KeptRelease, found: Found): Row {
  const { wanted, pods, since } = kept;
  return {
    release: wanted.release.id,
    state: stateOf(kept, found),
    pods: pods === undefined ? "-" : `${pods.ready}/${pods.wanted}`,
    size: podsText(wanted.size),
    image: wanted.image,
    since,
  };
}

/** A release that never had the traffic was left by a command that was killed, unless one is at work just now. */
function stateOf({ wanted, pods }: KeptRelease, { current, served }: Found): Row["state"] {
  const { id } = wanted.release;
  if (id === current) return "traffic";
  if (!served.includes(id)) return "stray";
  return (pods?.wanted ?? 0) > 0 ? "standby" : "kept";
}
