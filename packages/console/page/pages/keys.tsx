import type { PageProps } from "../app.tsx";
import { useFeed } from "../feed.ts";
import { Badge, Card, Command, Failure, Table, Waiting } from "../parts.tsx";
import type { Access } from "../types.ts";
import { agoText, shellWord } from "../words.ts";

const EVERY_MS = 10_000;

/** The callers that have a key, and whether one is needed. */
export function Keys({ at, named }: PageProps) {
  const feed = useFeed<{ machine: string } & Access>("keys", { service: at }, EVERY_MS);
  const file = `--file ${shellWord(named.file)}`;
  return (
    <>
      {feed.failed === undefined ? null : <Failure failed={feed.failed} />}
      {named.places.map(({ name }) => {
        const { found, failed } = feed.answers.get(name) ?? {};
        if (failed?.code === "target.unsupported")
          return (
            <p key={name} class="calm">
              {failed.message}
            </p>
          );
        if (failed !== undefined) return <Failure key={name} failed={failed} place={name} />;
        if (found === undefined) return <Waiting key={name} what={`${name} is being asked`} />;
        return <Callers key={name} place={name} access={found} />;
      })}
      <Card title="Let a caller in, or shut one out">
        <Command text={`dray keys add NAME ${file}`} />
        <Command text={`dray keys revoke NAME ${file}`} />
      </Card>
    </>
  );
}

function Callers({ place, access: { closed, keys } }: { place: string; access: Access }) {
  const callers = Object.entries(keys);
  return (
    <Card
      title={`Callers on ${place}`}
      aside={closed ? <Badge kind="good">a key is needed</Badge> : <Badge kind="warn">open to everybody</Badge>}
      flush
    >
      {callers.length === 0 ? (
        <p class="calm">Nobody has a key.</p>
      ) : (
        <Table
          label={`Callers on ${place}`}
          columns={["Caller", "From", "Since", "SHA-256 of the key"]}
          rows={callers.map(([name, { from, at, sha256 }]) => [
            name,
            from === "manifest" ? "the manifest" : "dray keys add",
            agoText(at),
            <span class="mono" title={sha256}>
              {sha256.slice(0, 12)}
            </span>,
          ])}
        />
      )}
    </Card>
  );
}
