import { useFeed } from "../feed.ts";
import { Badge, Card, Command, Failure, Table, useFew } from "../parts.tsx";
import type { Named, ShadowFound } from "../types.ts";
import { countText, msText, percentText, shellWord } from "../words.ts";

const EVERY_MS = 5000;
/** So many places are shown at first. */
const FEW = 3;

/** What the shadows of a service answered; one line where there is none. */
export function Shadows({ at, named }: { at: number; named: Named }) {
  const feed = useFeed<ShadowFound>("shadow", { service: at }, EVERY_MS);
  const answers = named.places.map(({ name }) => ({ name, ...feed.answers.get(name) }));
  const found = answers.flatMap(({ name, found: one }) => (one === undefined ? [] : [{ name, one }]));
  const { shown, more } = useFew(found, "Shadows", FEW);
  const failed = answers.flatMap(({ name, failed: why }) => (why === undefined ? [] : [{ name, why }]));
  const [none] = failed.filter(({ why }) => why.code === "shadow.none" || why.code === "target.unsupported");
  return (
    <>
      {shown.map(({ name, one }) => (
        <ShadowReportCard key={name} place={name} report={one.report} running={one.running} />
      ))}
      {more}
      {failed
        .filter(({ why }) => why.code !== "shadow.none" && why.code !== "target.unsupported")
        .map(({ name, why }) => (
          <Failure key={name} failed={why} place={name} />
        ))}
      {found.length > 0 || none === undefined ? null : (
        <Card title="Shadow">
          <p class="calm">{none.why.message}</p>
          <Command text={`dray shadow report --file ${shellWord(named.file)}`} />
        </Card>
      )}
    </>
  );
}

interface Props {
  place: string;
  report: ShadowFound["report"];
  running?: boolean;
}

/** How a shadow's answers differ from those that callers got. */
export function ShadowReportCard({ place, report, running }: Props) {
  const { release, share, compared, agreement, copied, dropped, live, shadow, differences } = report;
  return (
    <Card
      title={`Shadow ${release} on ${place}: copies of ${share} % of the requests`}
      aside={running === undefined ? null : <Badge kind={running ? "info" : "calm"}>{running ? "runs" : "over"}</Badge>}
      flush
    >
      <p>
        <strong>{percentText(agreement)}</strong> of {countText(compared)} answers agree. {countText(copied)} copies
        came, {countText(dropped)} were thrown away because it was behind. p95 {msText(shadow.p95Ms)}, of the live
        release {msText(live.p95Ms)}; {countText(shadow.failed)} failed, of the live release {countText(live.failed)}.
      </p>
      {differences.length === 0 ? null : (
        <Table
          label={`Differences on ${place}`}
          columns={[
            "Where",
            { name: "Times", number: true },
            "Live",
            "Shadow",
            { name: "Apart by, at most", number: true },
          ]}
          rows={differences.map((each) => [
            <span class="mono">{each.at}</span>,
            countText(each.count),
            each.example.live,
            each.example.shadow,
            each.maxBy === undefined ? "–" : String(Math.round(each.maxBy * 1e6) / 1e6),
          ])}
        />
      )}
    </Card>
  );
}
