import { useState } from "preact/hooks";
import type { PageProps } from "../app.tsx";
import { useFeed } from "../feed.ts";
import { Badge, Card, Command, Failure, Table, Waiting } from "../parts.tsx";
import { type Certificate, certificatesIn } from "../standing.ts";
import type { Named, Report } from "../types.ts";
import { shellWord } from "../words.ts";
import { ChangeDialog } from "./change.tsx";

const EVERY_MS = 10_000;

/** Whether somebody is told of troubles, and how the certificates stand. */
export function Alerts({ at, named, mayChange }: PageProps) {
  const [isAsked, setAsked] = useState(false);
  const command = `dray alerts test --file ${shellWord(named.file)}`;
  return (
    <>
      <Card title="Alerts">
        <p>An alert that never arrives is none. A test alert goes the way of a real one, from every place.</p>
        <div class="fields">
          <button type="button" class="main" onClick={() => setAsked(true)}>
            Send a test alert
          </button>
          <Command text={command} />
        </div>
      </Card>
      <Certificates at={at} named={named} />
      {isAsked ? (
        <ChangeDialog<string[]>
          title="Send a test alert?"
          changes={named.places.map(({ name }) => ({
            what: name,
            after: "one test alert, to whom the manifest names",
          }))}
          command={command}
          mayChange={mayChange}
          verb="Send it"
          call={{ name: "alerts/test", body: { service: at } }}
          done={(sent) => <p>Sent from {sent.join(", ")}. Did it arrive?</p>}
          onClose={() => setAsked(false)}
        />
      ) : null}
    </>
  );
}

const KINDS = { valid: "good", pending: "warn", failed: "bad" } as const;

function Certificates({ at, named }: { at: number; named: Named }) {
  const feed = useFeed<Report>("status", { service: at }, EVERY_MS);
  const rows = named.places.flatMap(({ name }) => {
    const report = feed.answers.get(name)?.found;
    return report === undefined ? [] : certificatesIn(report).map((each) => ({ place: name, each }));
  });
  const failed = named.places.flatMap(({ name }) => {
    const failure = feed.answers.get(name)?.failed;
    return failure === undefined ? [] : [{ place: name, failed: failure }];
  });
  return (
    <Card title="Certificates" flush>
      {feed.failed === undefined ? null : <Failure failed={feed.failed} />}
      {failed.map((each) => (
        <Failure key={each.place} {...each} />
      ))}
      {feed.rounds === 0 && rows.length === 0 ? <Waiting what="Every place is being asked" /> : null}
      {feed.rounds > 0 && rows.length === 0 ? <p class="calm">No place keeps a certificate for this service.</p> : null}
      {rows.length === 0 ? null : (
        <Table
          label="Certificates"
          columns={["Place", "Name", "State", "Until", "Issued by", "What is wrong"]}
          rows={rows.map(({ place, each }) => [place, ...cellsOf(each)])}
        />
      )}
    </Card>
  );
}

function cellsOf({ host, state, until, issuer, problem, fix }: Certificate): preact.ComponentChildren[] {
  return [
    host,
    <Badge kind={KINDS[state]}>{state}</Badge>,
    until === undefined ? "–" : <time dateTime={until}>{until.slice(0, 10)}</time>,
    issuer ?? "–",
    problem === undefined ? "–" : `${problem}${fix === undefined ? "" : `; ${fix}`}`,
  ];
}
