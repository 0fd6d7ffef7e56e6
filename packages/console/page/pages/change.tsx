import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { callOnce, failedOf } from "../call.ts";
import { Command, Dialog, Failure } from "../parts.tsx";
import type { Failed } from "../types.ts";

interface Change {
  what: string;
  before?: string;
  after?: string;
}

interface Props<T> {
  title: string;
  /** The plan: what would be different. */
  changes: readonly Change[];
  command: string;
  mayChange: boolean;
  /** The button that does it. */
  verb: string;
  call: { name: string; body: object };
  /** What is shown once it is done. */
  done: (found: T) => ComponentChildren;
  onClose: () => void;
}

/** Shows the plan of a change and asks; a console that only reads shows the command to type. */
export function ChangeDialog<T>(props: Props<T>) {
  const { title, changes, command, mayChange, verb, onClose } = props;
  const [state, setState] = useState<{ busy?: true; failed?: Failed; found?: { value: T } }>({});
  const { busy = false, failed, found } = state;
  const perform = async (): Promise<void> => {
    setState({ busy: true });
    try {
      setState({ found: { value: await callOnce<T>(props.call.name, props.call.body) } });
    } catch (error) {
      setState({ failed: failedOf(error) });
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <ul class="changes">
        {changes.map(({ what, before, after }) => (
          <li key={what}>
            <span class="soft">{what}</span> {before ?? "–"} → <strong>{after ?? "–"}</strong>
          </li>
        ))}
      </ul>
      {failed === undefined ? null : <Failure failed={failed} />}
      {found === undefined ? <Command text={command} /> : <div role="status">{props.done(found.value)}</div>}
      {mayChange ? null : <ReadOnly />}
      <div class="buttons">
        {mayChange && found === undefined ? (
          <button type="button" class="main" disabled={busy} onClick={() => void perform()}>
            {verb}
          </button>
        ) : null}
        <button type="button" onClick={onClose}>
          {found === undefined ? "Cancel" : "Close"}
        </button>
      </div>
    </Dialog>
  );
}

/** Why there is no button. */
export function ReadOnly() {
  return (
    <p class="soft">
      This console only reads. Type the command above, or start it with <code>dray console --allow-changes</code>.
    </p>
  );
}
