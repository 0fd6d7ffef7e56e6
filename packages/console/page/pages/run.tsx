import { useEffect, useState } from "preact/hooks";
import { call, failedOf } from "../call.ts";
import { Badge, Card, Command, Failure, Waiting } from "../parts.tsx";
import { linkTo } from "../route.ts";
import { NOTHING_TOLD, type StepTold, type Told, toldWith } from "../told.ts";
import type { Failed, News } from "../types.ts";
import { bytesText, countText, msText } from "../words.ts";
import { Canaries } from "./canary.tsx";
import { ShadowReportCard } from "./shadow.tsx";

const MARKS: Record<StepTold["state"], { mark: string; kind: string; said: string }> = {
  running: { mark: "•", kind: "unknown", said: "it goes on" },
  done: { mark: "✓", kind: "ok", said: "done" },
  failed: { mark: "✗", kind: "broken", said: "failed" },
  undone: { mark: "↩", kind: "", said: "taken back" },
};

/** A run from its beginning on: also while it goes on, whichever process does it. */
export function OneRun({ id, at }: { id: string; at: number }) {
  const { told, failed } = useTold(id);
  const { started, ended } = told;
  const state = ended === undefined ? (failed === undefined ? "running" : "unknown") : ended.end;
  const kind = state === "done" ? "good" : state === "running" ? "warn" : "bad";
  return (
    <>
      <div class={`banner ${kind}`} role="status">
        <Badge kind={kind}>{state}</Badge>
        <p>
          <strong>
            {started?.verb ?? "Run"} {started?.what ?? ""}
          </strong>{" "}
          {started === undefined ? "" : `by ${started.who} on ${started.places.join(", ")}`}
          {ended === undefined ? "" : `, ${msText(ended.ms)}`}
        </p>
        <a href={linkTo(at, "runs")}>All runs</a>
      </div>
      {failed === undefined ? null : <Failure failed={failed} />}
      {ended?.failure === undefined ? null : <Failure failed={ended.failure} />}
      {told.warnings.map((text) => (
        <p key={text} class="said">
          <Badge kind="warn">warning</Badge> {text}
        </p>
      ))}
      <Canaries told={told} />
      {[...told.shadows].map(([on, { report }]) => (
        <ShadowReportCard key={on} place={on} report={report} />
      ))}
      <StepList told={told} />
      <Changes told={told} />
      {told.lines.length === 0 ? null : (
        <Card title="Lines of programs">
          <div class="log" tabIndex={0} role="region" aria-label="Lines of programs">
            {told.lines.map((line, index) => (
              <div key={index}>{line}</div>
            ))}
          </div>
        </Card>
      )}
      <Command text={`dray runs show ${id}${ended === undefined ? " --follow" : ""}`} />
    </>
  );
}

function StepList({ told: { steps } }: { told: Told }) {
  const places = new Set([...steps.values()].map(({ on }) => on));
  return (
    <Card title="Steps">
      {steps.size === 0 ? <Waiting what="The run is being read" /> : null}
      <ol class="route">
        {[...steps].map(([key, step]) => (
          <StepRow key={key} step={step} isOneOfMany={places.size > 1} />
        ))}
      </ol>
    </Card>
  );
}

function StepRow({ step, isOneOfMany }: { step: StepTold; isOneOfMany: boolean }) {
  const { title, on, state, ms, note } = step;
  const { mark, kind, said } = MARKS[state];
  return (
    <li class={`hop ${state === "undone" ? "skipped" : ""}`}>
      <div class="line">
        <span class={`mark ${kind}`} role="img" aria-label={said}>
          {mark}
        </span>
      </div>
      <div class="body">
        <p class="title">
          <strong>{title}</strong>
          {isOneOfMany ? <span class="way mono">{on}</span> : null}
          {ms === undefined ? null : <span class="ms">{msText(ms)}</span>}
        </p>
        <Progress step={step} />
        {note === undefined ? null : <p class="soft">{note}</p>}
      </div>
    </li>
  );
}

function Progress({ step: { state, done = 0, total = 0, unit } }: { step: StepTold }) {
  if (state !== "running" || total === 0) return null;
  const text = unit === "bytes" ? bytesText : countText;
  return (
    <p class="soft">
      <span class="bar" aria-hidden="true">
        <i style={{ width: `${Math.min(100, Math.round((done / total) * 100))}%` }} />
      </span>
      {text(done)} of {text(total)}
    </p>
  );
}

function Changes({ told: { plan } }: { told: Told }) {
  if (plan === undefined || plan.changes.length === 0) return null;
  return (
    <Card title="Changes">
      <ul class="changes">
        {plan.changes.map(({ what, before, after }, index) => (
          <li key={index}>
            <span class="soft">{what}</span> {before ?? "–"} → <strong>{after ?? "–"}</strong>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** All that a run tells, drawn at most once a frame. */
function useTold(id: string): { told: Told; failed?: Failed } {
  const [shown, setShown] = useState<{ told: Told; failed?: Failed }>({ told: NOTHING_TOLD });
  useEffect(() => {
    const stop = new AbortController();
    let told = NOTHING_TOLD;
    let frame = 0;
    const take = (news: News): void => {
      told = toldWith(told, news);
      if (frame !== 0) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        setShown({ told });
      });
    };
    call(
      "run",
      { id },
      ({ news, failed }) => {
        if (news !== undefined) take(news);
        if (failed !== undefined) setShown({ told, failed });
      },
      stop.signal,
    ).catch((error: unknown) => {
      if (!stop.signal.aborted) setShown({ told, failed: failedOf(error) });
    });
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
    };
  }, [id]);
  return shown;
}
