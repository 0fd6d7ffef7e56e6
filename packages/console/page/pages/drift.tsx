import { useState } from "preact/hooks";
import type { PageProps } from "../app.tsx";
import { ask, useFeed } from "../feed.ts";
import { Badge, Card, Command, Failure, PlaceChoice, Table, Waiting } from "../parts.tsx";
import type { Drifted } from "../types.ts";
import { countText, shellWord } from "../words.ts";

const WINDOWS = [
  { name: "1 day", s: 86_400, flag: "1d" },
  { name: "7 days", s: 604_800, flag: "7d" },
  { name: "30 days", s: 2_592_000, flag: "30d" },
] as const;
const KINDS = { stable: "good", moved: "warn", drifted: "bad" } as const;

/** How far each feature has moved from what the model was made for. */
export function DriftPage({ at, named }: PageProps) {
  const [over, setOver] = useState<(typeof WINDOWS)[number]>(WINDOWS[0]);
  const [place, setPlace] = useState(named.places[0]?.name ?? "");
  const body = { service: at, place, sinceS: over.s };
  const feed = useFeed<Drifted>("drift", body, "once");
  const { found, failed = feed.failed } = feed.answers.get(place) ?? {};
  return (
    <>
      <div class="fields">
        <span class="segments" role="group" aria-label="How far back">
          {WINDOWS.map((each) => (
            <button key={each.s} type="button" aria-pressed={each === over} onClick={() => setOver(each)}>
              {each.name}
            </button>
          ))}
        </span>
        <PlaceChoice places={named.places} chosen={place} onChoose={setPlace} />
        <button type="button" class="main" disabled={feed.asking} onClick={() => void ask("drift", body)}>
          {feed.asking ? "Measuring…" : "Measure again"}
        </button>
        <Command text={`dray drift --since ${over.flag} --file ${shellWord(named.file)}`} />
      </div>
      {failed === undefined ? null : <Failure failed={failed} />}
      {found === undefined && failed === undefined ? (
        <Waiting what="The requests are being compared" lines={5} />
      ) : null}
      {found === undefined ? null : <Fields of={found} />}
    </>
  );
}

function Fields({ of: { machine, baseline, requests, fields } }: { of: Drifted }) {
  const worst = Math.max(0.25, ...fields.map(({ psi }) => psi));
  return (
    <Card
      title={`${countText(requests)} requests on ${machine} against ${baseline}`}
      aside={<span class="soft">PSI: from 0.1 on moved, from 0.25 on drifted</span>}
      flush
    >
      <Table
        label="Drift by feature"
        columns={[
          "Feature",
          "Kind",
          "Population stability index",
          { name: "Values before", number: true },
          { name: "Values now", number: true },
          "Verdict",
        ]}
        rows={fields.map((each) => [
          <span class="mono">{each.field}</span>,
          each.kind,
          <>
            <span class="bar" aria-hidden="true">
              <i style={{ width: `${Math.min(100, Math.round((each.psi / worst) * 100))}%` }} />
            </span>
            {each.psi}
          </>,
          countText(each.baseline),
          countText(each.window),
          <Badge kind={KINDS[each.verdict]}>{each.verdict}</Badge>,
        ])}
      />
    </Card>
  );
}
