import { useState } from "preact/hooks";
import type { PageProps } from "../app.tsx";
import { useFeed } from "../feed.ts";
import { Badge, Blocks, Card, Failure, Table, Waiting } from "../parts.tsx";
import { notesIn, releasesIn, type Standing, troublesIn } from "../standing.ts";
import type { Report } from "../types.ts";
import { agoText, imageText } from "../words.ts";
import { Numbers } from "./numbers.tsx";
import { Rollback } from "./rollback.tsx";

const STATUS_MS = 2000;

/** A service: its traffic, its releases, and the way back to an older one. */
export function Service({ at, named, mayChange }: PageProps) {
  const feed = useFeed<Report>("status", { service: at }, STATUS_MS);
  const [back, setBack] = useState<{ release: string; place: string }>();
  return (
    <>
      <Numbers at={at} named={named} />
      {feed.failed === undefined ? null : <Failure failed={feed.failed} />}
      {named.places.map(({ name }) => {
        const { found, failed } = feed.answers.get(name) ?? {};
        return (
          <Card key={name} title={`Releases on ${name}`} flush>
            {failed === undefined ? null : <Failure failed={failed} />}
            {found === undefined && failed === undefined ? <Waiting what={`${name} is being asked`} /> : null}
            {found === undefined ? null : (
              <Releases report={found} place={name} onBack={(release) => setBack({ release, place: name })} />
            )}
          </Card>
        );
      })}
      {back === undefined ? null : (
        <Rollback at={at} named={named} mayChange={mayChange} to={back} onClose={() => setBack(undefined)} />
      )}
    </>
  );
}

interface ReleasesProps {
  report: Report;
  place: string;
  onBack: (release: string) => void;
}

function Releases({ report, place, onBack }: ReleasesProps) {
  const releases = releasesIn(report);
  const troubles = troublesIn(report);
  if (releases.length === 0) return <Blocks blocks={report.text} label={`Status of ${place}`} />;
  return (
    <>
      {troubles.map((text) => (
        <p key={text} class="said">
          <Badge kind="warn">look</Badge> {text}
        </p>
      ))}
      <Table
        label={`Releases on ${place}`}
        columns={[
          "Release",
          "Traffic",
          { name: "Replicas", number: true },
          { name: "In flight", number: true },
          "Image",
          "Commit",
          "By",
          "Since",
          "",
        ]}
        rows={releases.map((each) => rowOf(each, onBack))}
      />
      <p class="said soft">{notesIn(report)[0]}</p>
    </>
  );
}

function rowOf(each: Standing, onBack: (release: string) => void): preact.ComponentChildren[] {
  const { release, running, replicas, inFlight, image, commit, who, since } = each;
  return [
    <span class="mono">{release}</span>,
    <Traffic of={each} />,
    replicas === undefined ? "–" : `${running ?? 0}/${replicas}`,
    inFlight === undefined ? "–" : inFlight,
    <span title={image}>{imageText(image)}</span>,
    <span class="mono">{commit?.slice(0, 9) ?? "–"}</span>,
    who ?? "–",
    since === undefined ? (
      "–"
    ) : (
      <time dateTime={since} title={since}>
        {agoText(since)}
      </time>
    ),
    each.share === 100 ? (
      ""
    ) : (
      <button type="button" aria-label={`Roll back to ${release}`} onClick={() => onBack(release)}>
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
