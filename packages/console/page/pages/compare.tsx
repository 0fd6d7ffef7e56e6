import { useState } from "preact/hooks";
import { callOnce, failedOf } from "../call.ts";
import { between, type Changes, type Difference } from "../differences.ts";
import { Card, Command, Failure, Table } from "../parts.tsx";
import type { Failed, Named, Outcome } from "../types.ts";
import { shellWord } from "../words.ts";

interface Props {
  at: number;
  named: Named;
  place: string;
  /** By name, the live one among them. */
  releases: readonly string[];
  live: string | undefined;
}

/** What changed between any two releases that are kept: both ways back are planned, and the plans are laid side by side. */
export function Compare({ at, named, place, releases, live }: Props) {
  const [left, setLeft] = useState(releases[1] ?? "");
  const [right, setRight] = useState(releases[0] ?? "");
  const [state, setState] = useState<{ found?: readonly Difference[]; failed?: Failed; busy?: true }>({});
  const compare = async (): Promise<void> => {
    setState({ busy: true });
    const changes = async (release: string): Promise<Changes> => {
      if (release === live) return [];
      const body = { service: at, place, to: release };
      const { outcomes } = await callOnce<{ outcomes: Outcome[] }>("rollback/plan", body);
      return outcomes.flatMap(({ plan }) => plan.changes);
    };
    try {
      const [ofLeft, ofRight] = await Promise.all([changes(left), changes(right)]);
      setState({ found: between(ofLeft, ofRight) });
    } catch (error) {
      setState({ failed: failedOf(error) });
    }
  };
  const choices = [
    { label: "From", value: left, set: setLeft },
    { label: "To", value: right, set: setRight },
  ];
  return (
    <Card title={`What changed between two releases on ${place}`}>
      <div class="fields">
        {choices.map(({ label, value, set }) => (
          <label key={label}>
            {label}
            <select value={value} onChange={({ currentTarget }) => set(currentTarget.value)}>
              {releases.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </label>
        ))}
        <button type="button" disabled={state.busy === true} onClick={() => void compare()}>
          {state.busy === true ? "Comparing…" : "Compare"}
        </button>
      </div>
      {state.failed === undefined ? null : <Failure failed={state.failed} />}
      {state.found === undefined ? null : <Differences found={state.found} />}
      {[left, right]
        .filter((each) => each !== live)
        .map((each) => (
          <Command key={each} text={`dray rollback ${shellWord(each)} --dry-run --file ${shellWord(named.file)}`} />
        ))}
    </Card>
  );
}

function Differences({ found }: { found: readonly Difference[] }) {
  if (found.length === 0) return <p class="calm">They are the same, but for their names.</p>;
  return (
    <Table
      label="What changed"
      columns={["Setting", "From", "To"]}
      rows={found.map(({ what, left, right }) => [<span class="mono">{what}</span>, left, right])}
    />
  );
}
