import { useState } from "preact/hooks";
import type { PageProps } from "../app.tsx";
import { ask, useFeed } from "../feed.ts";
import { Badge, Card, Command, Copy, Failure, Table, useFew, Waiting } from "../parts.tsx";
import type { Access } from "../types.ts";
import { agoText, shellWord } from "../words.ts";
import { ChangeDialog } from "./change.tsx";

const EVERY_MS = 10_000;
const FEW = 8;

/** A change that is asked about: a caller let in, or shut out. */
interface Asked {
  verb: "add" | "revoke";
  name: string;
}

/** The callers that have a key, and whether one is needed. */
export function Keys(props: PageProps) {
  const { at, named } = props;
  const feed = useFeed<{ machine: string } & Access>("keys", { service: at }, EVERY_MS);
  const [asked, setAsked] = useState<Asked>();
  const { shown, more } = useFew(named.places, "Places", FEW);
  const close = (): void => {
    setAsked(undefined);
    void ask("keys", { service: at });
  };
  return (
    <>
      {feed.failed === undefined ? null : <Failure failed={feed.failed} />}
      {shown.map(({ name }) => {
        const { found, failed } = feed.answers.get(name) ?? {};
        if (failed?.code === "target.unsupported")
          return (
            <p key={name} class="calm">
              {failed.message}
            </p>
          );
        if (failed !== undefined) return <Failure key={name} failed={failed} place={name} />;
        if (found === undefined) return <Waiting key={name} what={`${name} is being asked`} />;
        const onRevoke = (caller: string): void => setAsked({ verb: "revoke", name: caller });
        return <Callers key={name} place={name} access={found} onRevoke={onRevoke} />;
      })}
      {more}
      <LetIn file={named.file} onAdd={(name) => setAsked({ verb: "add", name })} />
      {asked === undefined ? null : <KeyDialog {...props} asked={asked} onClose={close} />}
    </>
  );
}

function Callers(props: { place: string; access: Access; onRevoke: (name: string) => void }) {
  const { place, onRevoke } = props;
  const { closed, keys } = props.access;
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
          columns={["Caller", "From", "Since", "SHA-256 of the key", "Shut out"]}
          rows={callers.map(([name, { from, at, sha256 }]) => [
            name,
            from === "manifest" ? "the manifest" : "dray keys add",
            agoText(at),
            <span class="mono" title={sha256}>
              {sha256.slice(0, 12)}
            </span>,
            <button type="button" aria-label={`Revoke the key of ${name}`} onClick={() => onRevoke(name)}>
              Revoke
            </button>,
          ])}
        />
      )}
    </Card>
  );
}

function LetIn({ file, onAdd }: { file: string; onAdd: (name: string) => void }) {
  const [name, setName] = useState("");
  return (
    <Card title="Let a caller in">
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          if (name !== "") onAdd(name);
        }}
      >
        <label>
          Name <input value={name} onInput={(event) => setName(event.currentTarget.value.trim())} />
        </label>
        <button type="submit" class="main" disabled={name === ""}>
          Make a key
        </button>
      </form>
      <Command text={`dray keys add ${name === "" ? "NAME" : shellWord(name)} --file ${shellWord(file)}`} />
    </Card>
  );
}

function KeyDialog({ at, named, mayChange, asked, onClose }: PageProps & { asked: Asked; onClose: () => void }) {
  const { verb, name } = asked;
  const adds = verb === "add";
  const where = named.places.map((each) => each.name).join(", ");
  return (
    <ChangeDialog<{ key: string }>
      title={adds ? `Let ${name} in?` : `Shut ${name} out?`}
      changes={[
        { what: `${name} on ${where}`, ...(adds ? { after: "may call, with a new key" } : { before: "may call" }) },
      ]}
      command={`dray keys ${verb} ${shellWord(name)} --file ${shellWord(named.file)}`}
      mayChange={mayChange}
      verb={adds ? "Make the key" : "Revoke the key"}
      call={{ name: `keys/${verb}`, body: { service: at, name } }}
      done={(found) => (adds ? <NewKey of={name} secret={found.key} /> : <p>{name} is refused from now on.</p>)}
      onClose={onClose}
    />
  );
}

/** A key is kept nowhere: it is shown once. */
function NewKey({ of, secret }: { of: string; secret: string }) {
  return (
    <>
      <p>
        The key of {of}. It is kept nowhere, and shown this once: <code>{secret}</code>
      </p>
      <Copy text={secret} label="Copy the key" />
    </>
  );
}
