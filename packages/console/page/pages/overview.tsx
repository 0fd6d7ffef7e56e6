import { useFeed } from "../feed.ts";
import { Badge, Card, Failure } from "../parts.tsx";
import { linkTo } from "../route.ts";
import { releasesIn, type Standing, troublesIn } from "../standing.ts";
import type { Failed, Hello, Named, Report } from "../types.ts";
import { agoText, imageText } from "../words.ts";
import { RunList } from "./run-list.tsx";

const EVERY_MS = 4000;
const SHOWN_RUNS = 4;

/** One thing that somebody should look at. */
interface Trouble {
  where: string;
  at: number;
  text?: string;
  failed?: Failed;
}

/** Everything at a glance: what needs attention first. */
export function Overview({ said }: { said: Hello }) {
  const all = said.services.map((named, at) => seen(named, at));
  const troubles = all.flatMap((each) => each.troubles);
  const waiting = all.some((each) => each.waiting);
  return (
    <>
      <div class="head">
        <h1 tabIndex={-1}>Overview</h1>
        <p>
          {said.services.length === 1 ? "1 service" : `${said.services.length} services`} · {placesText(said.services)}
        </p>
      </div>
      <Card
        title="Needs attention"
        aside={
          waiting ? (
            <Badge kind="calm">asking</Badge>
          ) : troubles.length === 0 ? (
            <Badge kind="good">nothing</Badge>
          ) : (
            <Badge kind="bad">{troubles.length}</Badge>
          )
        }
      >
        <Troubles troubles={troubles} waiting={waiting} />
      </Card>
      <div class="cards">{all.map((each) => each.card)}</div>
      {said.services.slice(0, SHOWN_RUNS).map((named, at) => (
        <RunList key={at} at={at} title={`Latest runs of ${named.service}`} most={5} />
      ))}
    </>
  );
}

function placesText(services: readonly Named[]): string {
  const names = new Set(services.flatMap(({ places }) => places.map(({ name }) => name)));
  return names.size === 1 ? "1 place" : `${names.size} places`;
}

function Troubles({ troubles, waiting }: { troubles: readonly Trouble[]; waiting: boolean }) {
  if (troubles.length === 0)
    return <p class="calm">{waiting ? "Each place is being asked." : "Every place answers, and nothing is amiss."}</p>;
  return (
    <ul class="trouble">
      {troubles.map(({ where, at, text, failed }, index) => (
        <li key={index}>
          <a href={linkTo(at)}>{where}</a>
          {failed === undefined ? <span>{text}</span> : <Failure failed={failed} />}
        </li>
      ))}
    </ul>
  );
}

/** A service's card, and what is amiss with it. A hook: each service keeps its place in the list. */
function seen(named: Named, at: number): { card: preact.JSX.Element; troubles: Trouble[]; waiting: boolean } {
  const feed = useFeed<Report>("status", { service: at }, EVERY_MS);
  const answers = [...feed.answers];
  const troubles = answers.flatMap(([place, { found, failed }]): Trouble[] => {
    const where = `${named.service}, ${place}`;
    if (failed !== undefined) return [{ where, at, failed }];
    return found === undefined ? [] : troublesIn(found).map((text) => ({ where, at, text }));
  });
  const releases = answers.flatMap(([, { found }]) => (found === undefined ? [] : releasesIn(found).slice(0, 1)));
  const waiting = feed.rounds === 0 && feed.failed === undefined;
  return { troubles, waiting, card: <ServiceCard key={at} {...{ named, at, troubles, releases, waiting }} /> };
}

function ServiceCard(props: {
  named: Named;
  at: number;
  troubles: readonly Trouble[];
  releases: readonly Standing[];
  waiting: boolean;
}) {
  const { named, at, troubles, releases, waiting } = props;
  const live = new Map(releases.map((each) => [each.release, each]));
  const [first] = live.values();
  const running = sum(releases, "running");
  const replicas = sum(releases, "replicas");
  const kind = waiting ? "" : troubles.length > 0 ? "bad" : live.size === 0 ? "warn" : "good";
  return (
    <a class="card service-card" href={linkTo(at)}>
      <span class="name">
        <i class={`dot ${kind}`} />
        {named.service}
      </span>
      <dl class="facts">
        <dt>Release</dt>
        <dd>{waiting ? "…" : live.size === 0 ? "nothing deployed" : [...live.keys()].join(", ")}</dd>
        <dt>Image</dt>
        <dd title={first?.image}>{first === undefined ? "–" : imageText(first.image)}</dd>
        <dt>Since</dt>
        <dd>
          {first?.since === undefined
            ? "–"
            : `${agoText(first.since)}${first.who === undefined ? "" : `, by ${first.who}`}`}
        </dd>
        <dt>Replicas</dt>
        <dd>{replicas === undefined ? "–" : `${running ?? 0} of ${replicas} run`}</dd>
        <dt>Where</dt>
        <dd>
          {named.target}, {named.places.length === 1 ? named.places[0]?.name : `${named.places.length} places`}
        </dd>
      </dl>
    </a>
  );
}

function sum(releases: readonly Standing[], key: "running" | "replicas"): number | undefined {
  const known = releases.flatMap((each) => each[key] ?? []);
  return known.length === 0 ? undefined : known.reduce((all, each) => all + each, 0);
}
