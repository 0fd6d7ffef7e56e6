import type { PageProps } from "../app.tsx";
import { ask, useFeed } from "../feed.ts";
import { Card, Command, Failure, Table, Waiting } from "../parts.tsx";
import type { HostFacts } from "../types.ts";
import { bytesText, shellWord } from "../words.ts";

/** What the service's places are, as computers. */
export function Machines({ at, named }: PageProps) {
  const feed = useFeed<HostFacts>("facts", { service: at }, "once");
  const answers = [...feed.answers];
  const found = answers.flatMap(([, each]) => each.found ?? []);
  const failed = answers.flatMap(([place, each]) =>
    each.failed === undefined ? [] : [{ place, failed: each.failed }],
  );
  const unsupported = failed.find((each) => each.failed.code === "target.unsupported");
  return (
    <>
      <div class="fields">
        <button type="button" class="main" disabled={feed.asking} onClick={() => void ask("facts", { service: at })}>
          {feed.asking ? "Asking…" : "Ask again"}
        </button>
        <Command text={`dray machine ls --file ${shellWord(named.file)}`} />
      </div>
      {feed.failed === undefined ? null : <Failure failed={feed.failed} />}
      {unsupported === undefined ? (
        failed.map((each) => <Failure key={each.place} {...each} />)
      ) : (
        <p class="calm">{unsupported.failed.message}</p>
      )}
      {feed.rounds === 0 && answers.length === 0 && feed.failed === undefined ? (
        <Waiting what="The machines are being asked" />
      ) : null}
      {found.length === 0 ? null : (
        <Card title="Machines" flush>
          <Table
            label="Machines"
            columns={[
              "Machine",
              "System",
              "Docker",
              { name: "CPUs", number: true },
              { name: "Memory", number: true },
              { name: "Disk free", number: true },
              "Services",
              "Addresses",
            ]}
            rows={found.map((each) => [
              each.machine,
              each.os,
              each.engine,
              each.cpus,
              bytesText(each.memory),
              each.diskFree === undefined ? "–" : bytesText(each.diskFree),
              each.services.join(", "),
              each.addresses.join(", "),
            ])}
          />
        </Card>
      )}
    </>
  );
}
