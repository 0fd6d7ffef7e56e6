import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Chart } from "../chart.tsx";
import { useFeed } from "../feed.ts";
import { Card, Failure, PlaceChoice, Table } from "../parts.tsx";
import type { Figures, MachineMetrics, Named } from "../types.ts";
import { bytesText, countText, msText } from "../words.ts";

const WINDOWS = [
  { name: "5 min", s: 300 },
  { name: "15 min", s: 900 },
  { name: "1 h", s: 3600 },
  { name: "24 h", s: 86_400 },
  { name: "7 d", s: 604_800 },
  { name: "30 d", s: 2_592_000 },
] as const;
const SHORT_S = 3600;

/** What a service did, at one of its places, over a time. */
export function Numbers({ at, named, children }: { at: number; named: Named; children: ComponentChildren }) {
  const [sinceS, setSince] = useState<number>(900);
  const [place, setPlace] = useState(named.places[0]?.name ?? "");
  const feed = useFeed<MachineMetrics>("metrics", { service: at, place, sinceS }, sinceS > SHORT_S ? 15_000 : 1000);
  const { found, failed = feed.failed } = feed.answers.get(place) ?? {};
  return (
    <>
      <div class="fields">
        <span class="segments" role="group" aria-label="How far back">
          {WINDOWS.map(({ name, s }) => (
            <button key={s} type="button" aria-pressed={s === sinceS} onClick={() => setSince(s)}>
              {name}
            </button>
          ))}
        </span>
        <PlaceChoice places={named.places} chosen={place} onChoose={setPlace} />
      </div>
      {failed === undefined ? null : failed.code === "target.unsupported" ? (
        <p class="calm">{failed.message}</p>
      ) : (
        <Failure failed={failed} />
      )}
      {failed === undefined ? <Tiles all={found?.all} /> : null}
      {failed === undefined ? <Charts found={found} /> : null}
      {children}
      {found === undefined ? null : <Tables found={found} />}
    </>
  );
}

function Tiles({ all }: { all: Figures | undefined }) {
  const share = all === undefined || all.requests === 0 ? 0 : (all.errors / all.requests) * 100;
  const tiles: { name: string; value: string | undefined; more?: string | undefined; bad?: boolean }[] = [
    { name: "Requests", value: all && countText(all.requests), more: all && `${all.perSecond}/s` },
    {
      name: "Errors (5xx)",
      value: all && countText(all.errors),
      more: all && `${share.toFixed(share > 0 && share < 10 ? 1 : 0)} %`,
      bad: (all?.errors ?? 0) > 0,
    },
    { name: "Refused (429)", value: all && countText(all.refused) },
    { name: "p50", value: all && msText(all.p50Ms) },
    { name: "p95", value: all && msText(all.p95Ms) },
    { name: "p99", value: all && msText(all.p99Ms) },
  ];
  return (
    <dl class="tiles">
      {tiles.map(({ name, value, more, bad }) => (
        <div key={name} class={bad === true ? "tile bad" : "tile"}>
          <dt>{name}</dt>
          <dd>
            {value ?? "…"} {more === undefined ? null : <small>{more}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Charts({ found }: { found: MachineMetrics | undefined }) {
  const series = found?.series ?? [];
  const at = series.map((each) => each.at);
  const releases = [...new Set(series.flatMap((each) => Object.keys(each.releases)))].slice(-4);
  const colours = [1, 2, 3, 4] as const;
  return (
    <div class="two">
      <Card title="Requests a second, by release">
        <Chart
          label="Requests a second"
          at={at}
          text={(value) => String(Math.round(value * 10) / 10)}
          curves={releases.map((release, index) => ({
            name: release,
            colour: colours[index] ?? 1,
            fill: true,
            values: series.map((each) => each.releases[release] ?? 0),
          }))}
        />
      </Card>
      <Card title="Latency, p95: queue and model">
        <Chart
          label="Latency"
          at={at}
          text={msText}
          curves={[
            { name: "in all", colour: 3, values: series.map((each) => each.p95Ms) },
            {
              name: "queue and model",
              colour: 1,
              fill: true,
              values: series.map((each) => each.queueP95Ms + each.modelP95Ms),
            },
            { name: "queue", colour: 2, fill: true, values: series.map((each) => each.queueP95Ms) },
          ]}
        />
      </Card>
    </div>
  );
}

const FIGURES = ["Requests", "Per s", "5xx", "429", "p50", "p95", "p99"].map((name) => ({ name, number: true }));

function Tables({ found: { machine, releases, callers, containers } }: { found: MachineMetrics }) {
  return (
    <>
      <Card title={`Traffic on ${machine}, by release`} flush>
        <Table
          label="Traffic by release"
          columns={["Release", ...FIGURES, { name: "Queue p95", number: true }, { name: "Model p95", number: true }]}
          rows={releases.map((each) => [
            <span class="mono">{each.release}</span>,
            countText(each.requests),
            each.perSecond,
            countText(each.errors),
            countText(each.refused),
            ...[each.p50Ms, each.p95Ms, each.p99Ms, each.queueP95Ms, each.modelP95Ms].map(msText),
          ])}
        />
      </Card>
      {callers.length === 0 ? null : (
        <Card title="Callers" flush>
          <Table
            label="Callers"
            columns={["Caller", ...FIGURES.filter(({ name }) => name !== "Per s")]}
            rows={callers.map((each) => [
              each.caller,
              ...[each.requests, each.errors, each.refused].map(countText),
              ...[each.p50Ms, each.p95Ms, each.p99Ms].map(msText),
            ])}
          />
        </Card>
      )}
      {containers.length === 0 ? null : (
        <Card title="Replicas" flush>
          <Table
            label="Replicas"
            columns={["Container", { name: "CPU", number: true }, "Memory", { name: "Restarts", number: true }]}
            rows={containers.map((each) => [
              <span class="mono">{each.container}</span>,
              `${Math.round(each.cpu * 100)} %`,
              <Memory used={each.memory} limit={each.memoryLimit} />,
              each.restarts,
            ])}
          />
        </Card>
      )}
    </>
  );
}

function Memory({ used, limit }: { used: number; limit: number }) {
  return (
    <>
      <span class="bar" aria-hidden="true">
        <i style={{ width: `${limit === 0 ? 0 : Math.min(100, Math.round((used / limit) * 100))}%` }} />
      </span>
      {bytesText(used)} of {bytesText(limit)}
    </>
  );
}
