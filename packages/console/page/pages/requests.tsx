import { useState } from "preact/hooks";
import type { PageProps } from "../app.tsx";
import { useFeed } from "../feed.ts";
import { Badge, Card, Command, Failure, PlaceChoice, Table, Waiting } from "../parts.tsx";
import { linkTo } from "../route.ts";
import { toTry } from "../state.ts";
import type { KeptRequest } from "../types.ts";
import { msText, shellWord } from "../words.ts";

const EVERY_MS = 3000;
const SINCE_S = 30 * 86_400;

/** The requests that are kept, each to be sent once more. */
export function Requests({ at, named }: PageProps) {
  const [place, setPlace] = useState(named.places[0]?.name ?? "");
  const [text, setText] = useState("");
  const feed = useFeed<KeptRequest[]>("requests", { service: at, place, sinceS: SINCE_S }, EVERY_MS);
  const { found, failed = feed.failed } = feed.answers.get(place) ?? {};
  const fitting = (found ?? []).filter((each) => text === "" || JSON.stringify(each).includes(text));
  return (
    <>
      <div class="fields">
        <label>
          Contains <input value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <PlaceChoice places={named.places} chosen={place} onChoose={setPlace} />
        <Command text={`dray requests export --file ${shellWord(named.file)}`} />
      </div>
      {failed === undefined ? null : <Failure failed={failed} />}
      {found === undefined && failed === undefined ? <Waiting what="The requests are being read" lines={5} /> : null}
      {found === undefined ? null : (
        <Card title="Requests that are kept" aside={<span class="soft">the newest first</span>} flush>
          <Table
            label="Requests"
            columns={["At", "Request", "Release", "Status", { name: "Took", number: true }, "Its lines", "Again"]}
            rows={fitting.map((each) => cellsOf(each, at))}
          />
        </Card>
      )}
    </>
  );
}

function cellsOf(each: KeptRequest, at: number): preact.ComponentChildren[] {
  const { id, method, path, release, status, ms } = each;
  const replay = (): void => {
    toTry.value = each;
    location.hash = linkTo(at, "try");
  };
  return [
    <time dateTime={each.at}>{each.at.slice(11, 23)}</time>,
    <span class="mono">
      {method} {path}
    </span>,
    <span class="mono">{release}</span>,
    <Badge kind={status >= 500 ? "bad" : status >= 400 ? "warn" : "good"}>{status}</Badge>,
    msText(ms),
    <a href={linkTo(at, "logs", id)}>{id.slice(0, 8)}</a>,
    <button type="button" aria-label={`Replay ${id}`} onClick={replay}>
      Replay
    </button>,
  ];
}
