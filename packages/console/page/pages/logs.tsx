import { useEffect, useRef, useState } from "preact/hooks";
import type { PageProps } from "../app.tsx";
import { call, failedOf } from "../call.ts";
import { Command, Failure } from "../parts.tsx";
import { route } from "../route.ts";
import type { Failed, LogSaid } from "../types.ts";
import { shellWord } from "../words.ts";

const KEPT = 2000;
const TAIL = 300;

interface Wanted {
  edge: boolean;
  follow: boolean;
  grep: string;
  status: string;
  id: string;
}

const FIRST: Wanted = { edge: false, follow: true, grep: "", status: "", id: "" };

/** Lines of the replicas or of the edge, as they come; whatever they say is shown as it stands. */
export function Logs({ at, named }: PageProps) {
  const [wanted, setWanted] = useState({ ...FIRST, id: route.value.id ?? "" });
  const { lines, failed, isOver } = useLines(at, wanted);
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (isAtEnd.current) box.current?.scrollTo(0, box.current.scrollHeight);
  }, [lines]);
  const set = (more: Partial<Wanted>): void => setWanted({ ...wanted, ...more });
  return (
    <>
      <Fields wanted={wanted} set={set} />
      <Command text={commandOf(wanted, named.file)} />
      {failed === undefined ? null : <Failure failed={failed} />}
      <div
        class="log"
        ref={box}
        tabIndex={0}
        role="log"
        aria-label="Lines of the log"
        onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
          isAtEnd.current = scrollTop + clientHeight >= scrollHeight - 24;
        }}
      >
        {lines.map(({ number, said }) => (
          <div key={number}>
            <span class="from">{said.from === "" ? said.machine : said.from} </span>
            {said.line}
          </div>
        ))}
        {lines.length === 0 ? (
          <div class="from">{isOver ? "There are no such lines." : "Waiting for lines…"}</div>
        ) : null}
      </div>
    </>
  );
}

function Fields({ wanted, set }: { wanted: Wanted; set: (more: Partial<Wanted>) => void }) {
  return (
    <form class="fields" onSubmit={(event) => event.preventDefault()}>
      <span class="segments" role="group" aria-label="Whose log">
        <button type="button" aria-pressed={!wanted.edge} onClick={() => set({ edge: false, status: "" })}>
          Replicas
        </button>
        <button type="button" aria-pressed={wanted.edge} onClick={() => set({ edge: true })}>
          Edge
        </button>
      </span>
      <label>
        <input
          type="checkbox"
          checked={wanted.follow}
          onChange={(event) => set({ follow: event.currentTarget.checked })}
        />
        Follow
      </label>
      <label>
        Contains <input size={14} value={wanted.grep} onChange={(event) => set({ grep: event.currentTarget.value })} />
      </label>
      <label>
        Request{" "}
        <input size={14} value={wanted.id} onChange={(event) => set({ id: event.currentTarget.value.trim() })} />
      </label>
      <label>
        Status
        <select
          value={wanted.status}
          onChange={({ currentTarget: { value } }) => set({ status: value, edge: value !== "" || wanted.edge })}
        >
          <option value="">any</option>
          {["2xx", "3xx", "4xx", "429", "5xx"].map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
    </form>
  );
}

function commandOf({ edge, follow, grep, status, id }: Wanted, file: string): string {
  const flags = [
    follow ? "--follow" : "",
    edge && status === "" ? "--edge" : "",
    grep === "" ? "" : `--grep ${shellWord(grep)}`,
    status === "" ? "" : `--status ${status}`,
    id === "" ? "" : `--id ${shellWord(id)}`,
  ];
  return ["dray logs", ...flags.filter((each) => each !== ""), `--file ${shellWord(file)}`].join(" ");
}

interface Numbered {
  number: number;
  said: LogSaid;
}

const DRAW_MS = 100;

/** The last lines that fit what is wanted. They are drawn some times a second, however many come. */
function useLines(at: number, wanted: Wanted): { lines: readonly Numbered[]; failed?: Failed; isOver: boolean } {
  const [shown, setShown] = useState<{ lines: readonly Numbered[]; failed?: Failed; isOver: boolean }>({
    lines: [],
    isOver: false,
  });
  useEffect(() => {
    const stop = new AbortController();
    let kept: Numbered[] = [];
    let count = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = (more: { failed?: Failed; isOver?: boolean } = {}): void => {
      timer = undefined;
      if (!stop.signal.aborted) setShown({ lines: kept, isOver: false, ...more });
    };
    const take = (said: LogSaid): void => {
      kept = [...kept.slice(-KEPT), { number: count++, said }];
      timer ??= setTimeout(draw, DRAW_MS);
    };
    const { grep, status, id, ...more } = wanted;
    const named = Object.fromEntries(Object.entries({ grep, status, id }).filter(([, value]) => value !== ""));
    const begin = setTimeout(() => {
      setShown({ lines: [], isOver: false });
      call(
        "logs",
        { service: at, tail: TAIL, ...more, ...named },
        ({ line, failed }) => {
          if (line !== undefined) take(line);
          if (failed !== undefined) draw({ failed });
        },
        stop.signal,
      ).then(
        () => draw({ isOver: true }),
        (error: unknown) => draw({ failed: failedOf(error), isOver: true }),
      );
    }, DRAW_MS);
    return () => {
      stop.abort();
      clearTimeout(begin);
      clearTimeout(timer);
    };
  }, [at, JSON.stringify(wanted)]);
  return shown;
}
