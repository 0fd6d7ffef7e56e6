import { useState } from "preact/hooks";
import type { PageProps } from "../app.tsx";
import { type Feed, useFeed } from "../feed.ts";
import { Badge, Blocks, Card, Failure, Table, Waiting } from "../parts.tsx";
import { releasesIn, type Standing, troublesIn } from "../standing.ts";
import type { Named, Report } from "../types.ts";
import { agoText, imageText } from "../words.ts";
import { Compare } from "./compare.tsx";
import { Numbers } from "./numbers.tsx";
import { Rollback } from "./rollback.tsx";

const STATUS_MS = 2000;
/** Of a service at more places, only what has traffic is shown first. */
const FEW = 3;

/** A release to go back to, and where. */
interface Back {
  release: string;
  place: string;
}

/** A service: its traffic, its releases, and the way back to an older one. */
export function Service({ at, named, mayChange }: PageProps) {
  const feed = useFeed<Report>("status", { service: at }, STATUS_MS);
  const [back, setBack] = useState<Back>();
  return (
    <>
      <Numbers at={at} named={named}>
        <Releases feed={feed} named={named} onBack={setBack} />
        <Comparison at={at} feed={feed} named={named} />
      </Numbers>
      {back === undefined ? null : (
        <Rollback at={at} named={named} mayChange={mayChange} to={back} onClose={() => setBack(undefined)} />
      )}
    </>
  );
}

/** Of the first place that keeps more than one release. */
function Comparison({ at, feed, named }: { at: number; feed: Feed<Report>; named: Named }) {
  const all = named.places.map(({ name }) => {
    const report = feed.answers.get(name)?.found;
    return { place: name, releases: report === undefined ? [] : releasesIn(report) };
  });
  const found = all.find(({ releases }) => releases.length > 1);
  if (found === undefined) return null;
  const live = found.releases.find(({ share }) => share > 0)?.release;
  const names = found.releases.map(({ release }) => release);
  return <Compare key={found.place} at={at} named={named} place={found.place} releases={names} live={live} />;
}

interface ReleasesProps {
  feed: Feed<Report>;
  named: Named;
  onBack: (to: Back) => void;
}

/** The releases at every place, and what is amiss there. */
function Releases({ feed, named, onBack }: ReleasesProps) {
  const [showsAll, setAll] = useState(named.places.length <= FEW);
  const found = named.places.flatMap(({ name }) => {
    const report = feed.answers.get(name)?.found;
    return report === undefined ? [] : [{ place: name, report, releases: releasesIn(report) }];
  });
  const rows = found.flatMap(({ place, releases }) =>
    releases.filter(({ share }) => showsAll || share > 0).map((each) => ({ place, each })),
  );
  const more =
    named.places.length <= FEW ? null : (
      <button type="button" aria-pressed={showsAll} onClick={() => setAll(!showsAll)}>
        Kept releases, too
      </button>
    );
  return (
    <Card title="Releases" aside={more} flush>
      {feed.failed === undefined ? null : <Failure failed={feed.failed} />}
      <Amiss feed={feed} named={named} />
      {feed.answers.size === 0 && feed.failed === undefined ? <Waiting what="Every place is being asked" /> : null}
      {rows.length === 0 ? null : (
        <Table
          label="Releases"
          columns={[...(named.places.length > 1 ? ["Place"] : []), ...COLUMNS]}
          rows={rows.map(({ place, each }) => [
            ...(named.places.length > 1 ? [place] : []),
            ...cellsOf(each, () => onBack({ release: each.release, place })),
          ])}
        />
      )}
      {found
        .filter(({ releases }) => releases.length === 0)
        .map(({ place, report }) => (
          <Blocks key={place} blocks={report.text} label={`Status of ${place}`} />
        ))}
    </Card>
  );
}

function Amiss({ feed, named }: Pick<ReleasesProps, "feed" | "named">) {
  return (
    <>
      {named.places.map(({ name }) => {
        const { found, failed } = feed.answers.get(name) ?? {};
        if (failed !== undefined) return <Failure key={name} failed={failed} place={name} />;
        return (found === undefined ? [] : troublesIn(found)).map((text) => (
          <p key={`${name} ${text}`} class="said">
            <Badge kind="warn">{name}</Badge> {text}
          </p>
        ));
      })}
    </>
  );
}

const COLUMNS = [
  "Release",
  "Traffic",
  { name: "Replicas", number: true },
  { name: "In flight", number: true },
  "Image",
  "Commit",
  "By",
  "Since",
  "Way back",
];

function cellsOf(each: Standing, onBack: () => void): preact.ComponentChildren[] {
  const { release, running, replicas, inFlight, image, commit, who, since } = each;
  return [
    <span class="mono">{release}</span>,
    <Traffic of={each} />,
    replicas === undefined ? "–" : `${running ?? 0}/${replicas}`,
    inFlight === undefined ? "–" : inFlight,
    <span title={image}>{imageText(image)}</span>,
    <span class="mono">{commit?.slice(0, 7) ?? "–"}</span>,
    who ?? "–",
    since === undefined ? (
      "–"
    ) : (
      <time dateTime={since} title={since}>
        {agoText(since)}
      </time>
    ),
    each.share === 100 ? (
      "–"
    ) : (
      <button type="button" aria-label={`Roll back to ${release}`} onClick={onBack}>
        Roll back
      </button>
    ),
  ];
}

function Traffic({ of: { share, state, running = 0 } }: { of: Standing }) {
  if (share === 100) return <Badge kind="good">all traffic</Badge>;
  if (share > 0) return <Badge kind="info">{share} %</Badge>;
  return <Badge kind="calm">{state ?? (running > 0 ? "draining" : "kept")}</Badge>;
}
