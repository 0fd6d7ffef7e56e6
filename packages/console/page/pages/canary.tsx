import { Badge, Card, Table } from "../parts.tsx";
import type { Told, Trial } from "../told.ts";
import { countText, msText, percentText } from "../words.ts";

/** The new release beside the old one, of the same time, and how they are judged. */
export function Canaries({ told: { trials, ended } }: { told: Told }) {
  return (
    <>
      {[...trials].map(([key, trial]) => (
        <Card
          key={key}
          title={`Canary on ${trial.on}: ${trial.share} % of the traffic`}
          aside={
            trial.leftMs > 0 && ended === undefined ? <Badge kind="info">{msText(trial.leftMs)} left</Badge> : null
          }
          flush
        >
          <Table
            label={`Canary with ${trial.share} %`}
            columns={["Counted", "New release", "Old release"]}
            rows={rowsOf(trial)}
          />
          {trial.arithmetic === undefined ? null : <Arithmetic trial={trial} of={trial.arithmetic} />}
        </Card>
      ))}
      {trials.size === 0 || ended === undefined ? null : (
        <p class="said">
          <strong>Verdict:</strong>{" "}
          {ended.failure === undefined
            ? "the new release was not worse than the old one, and has the traffic."
            : ended.failure.message}
        </p>
      )}
    </>
  );
}

function rowsOf({ fresh, old }: Trial): string[][] {
  const share = ({ failed, count }: Trial["fresh"]): string =>
    `${countText(failed)} (${percentText(count === 0 ? 0 : failed / count)})`;
  return [
    ["Answers", countText(fresh.count), countText(old.count)],
    ["Failed", share(fresh), share(old)],
    ["p50", msText(fresh.p50Ms), msText(old.p50Ms)],
    ["p95", msText(fresh.p95Ms), msText(old.p95Ms)],
  ];
}

interface Judged {
  trial: Trial;
  of: Trial["arithmetic"] & object;
}

/** Both rules with their figures, in words. */
function Arithmetic({ trial: { fresh }, of }: Judged) {
  const { errors, times, bound, minimum } = of;
  const fails = errors.rate > errors.allowed && errors.chance < bound;
  const drags = times !== undefined && times.lasting && times.chance < bound;
  return (
    <ul class="arithmetic" aria-label="How it is judged">
      <li>
        <Badge kind={fails ? "bad" : "good"}>{fails ? "worse" : "not worse"}</Badge>
        <span>
          {percentText(errors.rate)} of {countText(fresh.count)} answers failed, {percentText(errors.allowed)} are
          allowed{errors.usual > 0 ? `, the old release has ${percentText(errors.usual)}` : ""}. By chance alone so many
          fail {chanceText(errors.chance)}; less than {chanceText(bound)} is called worse.
        </span>
      </li>
      <li>
        <Badge kind={drags ? "bad" : times === undefined ? "calm" : "good"}>
          {drags ? "slower" : times === undefined ? "not judged yet" : "not slower"}
        </Badge>
        <span>
          {times === undefined
            ? `Times are judged once each release has ${countText(minimum)} answers.`
            : `${countText(times.slow)} of ${countText(fresh.count)} answers took longer than ${msText(times.limitMs)}; 5 % may. By chance alone so many do ${chanceText(times.chance)}.`}
        </span>
      </li>
    </ul>
  );
}

/** A chance as people say one. */
function chanceText(chance: number): string {
  if (chance >= 0.1) return `in ${percentText(chance)} of such windows`;
  if (chance < 1e-9) return "in less than one of 1,000,000,000 such windows";
  return `in one of ${countText(Math.round(1 / chance))} such windows`;
}
