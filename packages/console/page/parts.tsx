import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Block, Failed } from "./types.ts";

/** A word that says how something stands; its colour says it again, never alone. */
export function Badge({
  kind,
  children,
}: {
  kind: "good" | "warn" | "bad" | "calm" | "info";
  children: ComponentChildren;
}) {
  return <span class={`badge ${kind}`}>{children}</span>;
}

/** A part of a page under its own heading. */
export function Card(props: {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
  flush?: boolean;
}) {
  return (
    <section class={props.flush === true ? "card flush" : "card"}>
      <header>
        <h2>{props.title}</h2>
        {props.aside}
      </header>
      {props.children}
    </section>
  );
}

/** Which place a page is about; nothing where there is only one. */
export function PlaceChoice(props: {
  places: readonly { name: string }[];
  chosen: string;
  onChoose: (name: string) => void;
}) {
  if (props.places.length < 2) return null;
  return (
    <label>
      Place
      <select value={props.chosen} onChange={(event) => props.onChoose(event.currentTarget.value)}>
        {props.places.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

const COPIED_MS = 1500;

/** Copies a text, and says whether the browser let it. A text that was refused is shown, selected, to be copied by hand. */
export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [state, setState] = useState<"ready" | "copied" | "refused">("ready");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setState("copied");
      setTimeout(() => setState("ready"), COPIED_MS);
    } catch {
      setState("refused");
    }
  };
  return (
    <>
      <button type="button" class="quiet copy" aria-label={`${label}: ${text}`} onClick={() => void copy()}>
        {state === "copied" ? "Copied" : label}
      </button>
      <span class="unseen" role="status">
        {state === "copied" ? "Copied" : ""}
      </span>
      {state === "refused" ? <Refused text={text} onClose={() => setState("ready")} /> : null}
    </>
  );
}

function Refused({ text, onClose }: { text: string; onClose: () => void }) {
  return (
    <Dialog title="The browser refused the clipboard" onClose={onClose}>
      <p>The text is selected: copy it with the keyboard.</p>
      <textarea
        class="mono"
        readOnly
        aria-label="The text to copy"
        rows={Math.min(12, text.split("\n").length + 1)}
        value={text}
        ref={(box) => {
          box?.focus();
          box?.select();
        }}
      />
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

/** A command line to copy: what a button does, anybody can type. */
export function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <code>
        <span class="prompt" aria-hidden="true">
          ${" "}
        </span>
        {text}
      </code>
      <Copy text={text} />
    </div>
  );
}

/** A failure: one sentence, what to do next, and the evidence. */
export function Failure({ failed, place }: { failed: Failed; place?: string }) {
  return (
    <div class="failure" role="alert">
      <p>
        {place === undefined ? null : <strong>{place}: </strong>}
        {failed.message} <code class="code">{failed.code}</code>
      </p>
      {failed.hint === undefined ? null : <p class="hint">{failed.hint}</p>}
      {(failed.details ?? []).length === 0 ? null : <pre>{(failed.details ?? []).join("\n")}</pre>}
    </div>
  );
}

interface Column {
  name: string;
  /** Numbers stand right. */
  number?: boolean;
}

/** So many rows are drawn at first, and more when somebody wants them: a table of everything keeps the page waiting. */
const FEW = 20;

/** A table that scrolls within itself where the page is narrow. */
export function Table(props: {
  label: string;
  columns: readonly (Column | string)[];
  rows: readonly (readonly ComponentChildren[])[];
}) {
  const { shown, more } = useFew(props.rows, props.label);
  const columns = props.columns.map((each) => (typeof each === "string" ? { name: each } : each));
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label={props.label}>
        <table>
          <thead>
            <tr>
              {columns.map(({ name, number }) => (
                <th key={name} scope="col" class={number === true ? "number" : ""}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, index) => (
              <tr key={index}>
                {row.map((cell, at) => (
                  <td key={at} class={columns[at]?.number === true ? "number" : ""}>
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {more}
    </>
  );
}

/** The first of many, and the way to the others; `what`: of what there are many. */
export function useFew<T>(
  all: readonly T[],
  what: string,
  few: number = FEW,
): { shown: readonly T[]; more: preact.JSX.Element | null } {
  const [count, setCount] = useState(few);
  if (all.length <= count) return { shown: all, more: null };
  const next = Math.min(few, all.length - count);
  const more = (
    <p class="more">
      <button type="button" aria-label={`${what}: ${next} more`} onClick={() => setCount(count + few)}>
        {next} more
      </button>{" "}
      <span class="soft">
        {count} of {all.length} are shown
      </span>
    </p>
  );
  return { shown: all.slice(0, count), more };
}

/** A report as the terminal shows it: lines and tables. */
export function Blocks({ blocks, label }: { blocks: readonly Block[]; label: string }) {
  return (
    <>
      {blocks.map((block, index) =>
        typeof block === "string" ? (
          <p key={index} class="said">
            {block}
          </p>
        ) : (
          <Table key={index} label={label} columns={block.columns} rows={block.rows} />
        ),
      )}
    </>
  );
}

/** What is shown until the first answer comes: as high as what will stand there. */
export function Waiting({ lines = 3, what }: { lines?: number; what: string }) {
  return (
    <div class="waiting" role="status">
      <span class="unseen">{what}</span>
      {Array.from({ length: lines }, (_each, index) => (
        <i key={index} />
      ))}
    </div>
  );
}

/** A window above the page, which the keyboard does not leave. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    box.current?.showModal();
  }, []);
  return (
    <dialog ref={box} aria-label={props.title} onClose={props.onClose}>
      <h2 tabIndex={-1}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}
