import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { PageProps } from "../app.tsx";
import { ask, useFeed } from "../feed.ts";
import { Badge, Card, Command, Copy, Failure, useFew, Waiting } from "../parts.tsx";
import type { Hop, Trace, Verdict } from "../types.ts";
import { msText, shellWord } from "../words.ts";

/** Of a service at more places, the ways are drawn one by one. */
const FEW = 3;
/** So many ways are shown at first. */
const WAYS = 12;
const MARKS: Record<Verdict, string> = { ok: "✓", slow: "~", broken: "✗", unknown: "?", skipped: "–" };
const SAID: Record<Verdict, string> = {
  ok: "it works",
  slow: "it is slow",
  broken: "it breaks here",
  unknown: "not known",
  skipped: "this way does not lead through it",
};

/** The way from this computer to the model, drawn: where it breaks, and what to do. */
export function TracePage({ at, named }: PageProps) {
  const feed = useFeed<Trace>("trace", { service: at }, "once");
  const { shown, more } = useFew(named.places, "Ways", WAYS);
  return (
    <>
      <div class="fields">
        <button type="button" class="main" disabled={feed.asking} onClick={() => void ask("trace", { service: at })}>
          {feed.asking ? "Walking the way…" : "Walk it again"}
        </button>
        <Command text={`dray trace --explain --file ${shellWord(named.file)}`} />
      </div>
      {feed.failed === undefined ? null : <Failure failed={feed.failed} />}
      {shown.map(({ name }) => {
        const { found, failed } = feed.answers.get(name) ?? {};
        if (failed !== undefined) return <Failure key={name} failed={failed} place={name} />;
        if (found === undefined)
          return (
            <Waiting key={name} what={`The way to ${name} is being walked`} lines={named.places.length > FEW ? 1 : 6} />
          );
        return <Way key={name} trace={found} place={name} isOneOfMany={named.places.length > FEW} />;
      })}
      {more}
    </>
  );
}

interface WayProps {
  trace: Trace;
  place: string;
  isOneOfMany: boolean;
}

/** One of many ways is drawn when somebody wants to see it. */
function Way({ trace, place, isOneOfMany }: WayProps) {
  const [isDrawn, setDrawn] = useState(!isOneOfMany);
  const broken = trace.hops.findIndex(({ fault }) => fault !== undefined);
  return (
    <>
      <Verdicts trace={trace} broken={trace.hops[broken]}>
        {isOneOfMany ? (
          <button type="button" aria-expanded={isDrawn} onClick={() => setDrawn(!isDrawn)}>
            The way to {place}
          </button>
        ) : null}
      </Verdicts>
      {isDrawn ? <Drawn trace={trace} place={place} broken={broken} /> : null}
    </>
  );
}

function Drawn({ trace, place, broken }: { trace: Trace; place: string; broken: number }) {
  const [explain, setExplain] = useState(false);
  return (
    <>
      <Card
        title={`From this computer to the model on ${place}`}
        aside={
          <button type="button" aria-pressed={explain} onClick={() => setExplain(!explain)}>
            Explain each part
          </button>
        }
      >
        {trace.hops.length === 0 ? <p class="calm">This target has no parts to show.</p> : null}
        <ol class="route">
          {trace.hops.map((hop, index) => (
            <HopRow key={hop.hop} hop={hop} isAfter={broken >= 0 && index > broken} explain={explain} />
          ))}
        </ol>
      </Card>
    </>
  );
}

/** One sentence on the whole. */
function Verdicts(props: { trace: Trace; broken: Hop | undefined; children: ComponentChildren }) {
  const { broken, children } = props;
  const { reached, url, ms } = props.trace;
  if (broken !== undefined)
    return (
      <div class={`banner ${broken.verdict === "slow" ? "warn" : "bad"}`} role="status">
        <Badge kind={broken.verdict === "slow" ? "warn" : "bad"}>
          {broken.verdict === "slow" ? "slow" : "broken"} at {broken.title}
        </Badge>
        <p>{broken.why}</p>
        {children}
      </div>
    );
  return (
    <div class={`banner ${reached ? "good" : "warn"}`} role="status">
      <Badge kind={reached ? "good" : "warn"}>{reached ? "reached" : "not reached, and not known why"}</Badge>
      <p>
        {url} {reached ? `in ${msText(ms)}` : ""}
      </p>
      {children}
    </div>
  );
}

function HopRow({ hop, isAfter, explain }: { hop: Hop; isAfter: boolean; explain: boolean }) {
  const { verdict, title, from, to, ms, evidence, why, fix, missing, note } = hop;
  return (
    <li class={`hop ${verdict} ${isAfter ? "after" : ""}`}>
      <div class="line">
        <span class={`mark ${verdict}`} role="img" aria-label={SAID[verdict]}>
          {MARKS[verdict]}
        </span>
      </div>
      <div class="body">
        <p class="title">
          <strong>{title}</strong>
          {verdict === "skipped" ? null : (
            <span class="way mono">
              {from} → {to}
            </span>
          )}
          {ms === undefined ? null : <span class="ms">{msText(ms)}</span>}
        </p>
        <p>{evidence}</p>
        {missing === undefined ? null : <p class="soft">Unknown without {missing}</p>}
        {note === undefined ? null : <p class="soft">{note}</p>}
        {why === undefined ? null : (
          <div class="fault">
            <p class="why">{why}</p>
            {fix === undefined ? null : (
              <p>
                <strong>Fix:</strong> {fix} <Copy text={fix} label="Copy the fix" />
              </p>
            )}
          </div>
        )}
        {explain ? <p class="soft">{hop.explain}</p> : null}
      </div>
    </li>
  );
}
