import { useEffect, useState } from "preact/hooks";
import type { PageProps } from "../app.tsx";
import { callOnce, failedOf } from "../call.ts";
import { useFeed } from "../feed.ts";
import { Badge, Card, Command, Failure, Waiting } from "../parts.tsx";
import { releasesIn } from "../standing.ts";
import { toTry } from "../state.ts";
import { commandOf, curlOf, requestOf, type Typed } from "../typed.ts";
import type { Access, Called, Failed, KeptRequest, Named, Offered, Report } from "../types.ts";
import { AnswerCard } from "./answer.tsx";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** A form to try the service: it begins with the golden request, the API's own example, or a request of the log. */
export function Try({ at, named }: PageProps) {
  const feed = useFeed<Offered>("try/offered", { service: at }, "once");
  const { found, failed = feed.failed } = feed.answers.get("") ?? {};
  const [kept] = useState(toTry.value);
  useEffect(() => {
    toTry.value = undefined;
  }, []);
  if (found === undefined && failed === undefined) return <Waiting what="The service is being asked" lines={6} />;
  return (
    <>
      {failed === undefined ? null : <Failure failed={failed} />}
      <Form at={at} named={named} offered={found ?? {}} kept={kept} />
    </>
  );
}

interface FormProps {
  at: number;
  named: Named;
  offered: Offered;
  kept: KeptRequest | undefined;
}

function beginning({ offered: { request }, kept }: FormProps): Typed {
  const { method = "GET", path = "/" } = kept ?? request ?? {};
  const body = kept === undefined ? request?.body : kept.request;
  const text = kept === undefined ? request?.text : undefined;
  return { method, path, body: text ?? (body === undefined ? "" : JSON.stringify(body, null, 2)), release: "" };
}

function Form(props: FormProps) {
  const { at, named, offered, kept } = props;
  const [typed, setTyped] = useState(() => beginning(props));
  const [state, setState] = useState<{ busy?: true; failed?: Failed; called?: Called }>({});
  const closed = useFeed<Access>("keys", { service: at }, "once");
  const needsKey = [...closed.answers.values()].some(({ found }) => found?.closed === true);
  const send = async (): Promise<void> => {
    setState({ busy: true });
    try {
      setState({ called: await callOnce<Called>("try/send", { service: at, ...requestOf(typed) }) });
    } catch (error) {
      setState({ failed: failedOf(error) });
    }
  };
  return (
    <>
      <Card title={kept === undefined ? "Request" : `Request ${kept.id}, once more`} aside={<Origin {...props} />}>
        <form
          class="try"
          onSubmit={(event) => {
            event.preventDefault();
            void send();
          }}
        >
          <Fields at={at} named={named} typed={typed} set={(more) => setTyped({ ...typed, ...more })} />
          <div class="buttons">
            <button type="submit" class="main" disabled={state.busy === true}>
              {state.busy === true ? "Sending…" : "Send"}
            </button>
          </div>
        </form>
        <Command text={commandOf(typed, named.file)} />
        {offered.base === undefined || typed.release !== "" ? null : (
          <Command text={curlOf(typed, offered.base, needsKey)} />
        )}
      </Card>
      {state.failed === undefined ? null : <Failure failed={state.failed} />}
      {state.called === undefined ? null : <AnswerCard called={state.called} kept={kept} />}
    </>
  );
}

/** Where the request is from. */
function Origin({ offered: { golden, request, none }, kept }: FormProps) {
  if (kept !== undefined) return <Badge kind="info">of the log, answered by {kept.release}</Badge>;
  if (golden !== undefined) return <Badge kind="good">the golden request</Badge>;
  if (request !== undefined) return <Badge kind="info">from the API&apos;s own OpenAPI</Badge>;
  return <span class="soft">{none === undefined ? "" : `no golden request, and ${none}`}</span>;
}

interface FieldsProps {
  at: number;
  named: Named;
  typed: Typed;
  set: (more: Partial<Typed>) => void;
}

function Fields({ at, named, typed, set }: FieldsProps) {
  const status = useFeed<Report>("status", { service: at }, "once");
  const [place] = named.places;
  const report = place === undefined ? undefined : status.answers.get(place.name)?.found;
  const releases = report === undefined ? [] : releasesIn(report);
  return (
    <>
      <div class="fields">
        <label>
          Method
          <select value={typed.method} onChange={({ currentTarget }) => set({ method: currentTarget.value })}>
            {METHODS.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label>
          Path <input class="mono" value={typed.path} onInput={(event) => set({ path: event.currentTarget.value })} />
        </label>
        <label>
          Sent to
          <select value={typed.release} onChange={({ currentTarget }) => set({ release: currentTarget.value })}>
            <option value="">where clients call</option>
            {releases.map(({ release, share }) => (
              <option key={release} value={release}>
                {release}
                {share > 0 ? ` (${share} %)` : ""}
              </option>
            ))}
          </select>
        </label>
      </div>
      <textarea
        class="mono"
        aria-label="Body"
        rows={Math.min(16, Math.max(4, typed.body.split("\n").length))}
        spellcheck={false}
        value={typed.body}
        onInput={(event) => set({ body: event.currentTarget.value })}
      />
    </>
  );
}
