import { useEffect, useState } from "preact/hooks";
import { callOnce, failedOf } from "../call.ts";
import { ask } from "../feed.ts";
import { Command, Dialog, Failure, Waiting } from "../parts.tsx";
import type { Failed, Named, News, Outcome } from "../types.ts";
import { msText, shellWord } from "../words.ts";
import { ReadOnly } from "./change.tsx";

interface Props {
  at: number;
  named: Named;
  mayChange: boolean;
  to: { release: string; place: string };
  onClose: () => void;
}

type Answered = { outcomes: Outcome[] };

/** The plan first, then the question; what is done is told step by step. */
export function Rollback({ at, named, mayChange, to, onClose }: Props) {
  const body = { service: at, place: to.place, to: to.release };
  const [plan, setPlan] = useState<Outcome[]>();
  const [failed, setFailed] = useState<Failed>();
  const [news, setNews] = useState<News[]>();
  const [done, setDone] = useState(false);
  useEffect(() => {
    callOnce<Answered>("rollback/plan", body).then(
      ({ outcomes }) => setPlan(outcomes),
      (error: unknown) => setFailed(failedOf(error)),
    );
  }, []);
  const perform = async (): Promise<void> => {
    const told: News[] = [];
    setNews([]);
    try {
      await callOnce<Answered>("rollback", body, (line) => {
        if (line.news !== undefined) setNews([...(told.push(line.news), told)]);
      });
      setDone(true);
      await ask("status", { service: at });
    } catch (error) {
      setFailed(failedOf(error));
    }
  };
  const only = named.places.length > 1 ? ` --machine ${shellWord(to.place)}` : "";
  return (
    <Dialog title={done ? `${to.release} has the traffic` : `Roll back to ${to.release}?`} onClose={onClose}>
      {plan === undefined && failed === undefined ? <Waiting what="The plan is being made" /> : null}
      {plan === undefined || news !== undefined ? null : <PlanOf outcomes={plan} />}
      {news === undefined ? null : <Steps news={news} />}
      {failed === undefined ? null : <Failure failed={failed} />}
      <Command text={`dray rollback ${shellWord(to.release)}${only} --file ${shellWord(named.file)}`} />
      {mayChange ? null : <ReadOnly />}
      <div class="buttons">
        {mayChange && !done ? (
          <button
            type="button"
            class="main"
            disabled={plan === undefined || news !== undefined}
            onClick={() => void perform()}
          >
            Roll back
          </button>
        ) : null}
        <button type="button" onClick={onClose}>
          {done ? "Close" : "Cancel"}
        </button>
      </div>
    </Dialog>
  );
}

function PlanOf({ outcomes }: { outcomes: readonly Outcome[] }) {
  return (
    <>
      {outcomes.map(({ machine, plan }) => (
        <section key={machine}>
          <h3>{machine}</h3>
          <ul class="changes">
            {plan.changes.map(({ what, before, after }, index) => (
              <li key={index}>
                <span class="soft">{what}</span> {before ?? "–"} → <strong>{after ?? "–"}</strong>
              </li>
            ))}
            {(plan.notes ?? []).map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
          <p class="soft">{plan.stages.flatMap(({ steps }) => steps.map(({ title }) => title)).join(" → ")}</p>
        </section>
      ))}
    </>
  );
}

/** Each step as it begins and ends. */
function Steps({ news }: { news: readonly News[] }) {
  const steps = new Map<string, { title: string; state: string }>();
  for (const each of news) {
    if (!("step" in each) || !("title" in each)) continue;
    const state = each.type === "step.done" ? msText(each.ms) : each.type.slice("step.".length);
    steps.set(`${each.on} ${each.step} ${each.title}`, { title: `${each.on}: ${each.title}`, state });
  }
  return (
    <ol class="changes" aria-live="polite">
      {[...steps].map(([key, { title, state }]) => (
        <li key={key}>
          {title} <span class="soft">{state}</span>
        </li>
      ))}
    </ol>
  );
}
