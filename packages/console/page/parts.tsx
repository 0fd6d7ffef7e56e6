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

/** Copies a text; says so. */
export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  return (
    <button
      type="button"
      class="quiet copy"
      aria-label={`${label}: ${text}`}
      onClick={() => void copy().catch(() => undefined)}
    >
      <span aria-live="polite">{copied ? "Copied" : label}</span>
    </button>
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

/** A table that scrolls within itself where the page is narrow. */
export function Table(props: {
  label: string;
  columns: readonly (Column | string)[];
  rows: readonly (readonly ComponentChildren[])[];
}) {
  const columns = props.columns.map((each) => (typeof each === "string" ? { name: each } : each));
  return (
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
          {props.rows.map((row, index) => (
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
  );
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
