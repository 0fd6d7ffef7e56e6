import { useFeed } from "../feed.ts";
import { Badge, Card, Failure, Table, Waiting } from "../parts.tsx";
import { linkTo } from "../route.ts";
import type { RunSummary } from "../types.ts";
import { agoText, msText } from "../words.ts";

const EVERY_MS = 2000;

const STATES: Record<RunSummary["state"], "good" | "bad" | "warn" | "info" | "calm"> = {
  done: "good",
  failed: "bad",
  declined: "calm",
  stopped: "warn",
  running: "info",
  "cut off": "warn",
};

/** The newest runs of a service. */
export function RunList({ at, title, most }: { at: number; title: string; most: number }) {
  const feed = useFeed<RunSummary[]>("runs", { service: at }, EVERY_MS);
  const { found, failed = feed.failed } = feed.answers.get("") ?? {};
  return (
    <Card title={title} flush>
      {failed === undefined ? null : <Failure failed={failed} />}
      {found === undefined && failed === undefined ? <Waiting what="The journal is being read" /> : null}
      {found?.length === 0 ? <p class="calm">Nothing was changed from this computer yet.</p> : null}
      {found === undefined || found.length === 0 ? null : (
        <Table
          label={title}
          columns={["Run", "State", "Release", "By", "Begun", { name: "Took", number: true }, "Where"]}
          rows={found.slice(0, most).map((run) => [
            <a href={linkTo(at, "runs", run.id)}>
              {run.verb} {run.what ?? ""}
            </a>,
            <Badge kind={STATES[run.state]}>{run.state}</Badge>,
            <span class="mono">{run.releases.join(", ") || "–"}</span>,
            run.who,
            <time dateTime={run.startedAt} title={run.startedAt}>
              {agoText(run.startedAt)}
            </time>,
            run.state === "running" ? "–" : msText(run.ms),
            run.places.length > 3 ? `${run.places.length} places` : run.places.join(", "),
          ])}
        />
      )}
    </Card>
  );
}
