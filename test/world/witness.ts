import { within } from "drayage-clock";
import { type Ended, run } from "../../packages/dray/src/base/process.ts";

/** A stand-in that runs; `remove` takes it away with all that belongs to it. */
interface StandIn {
  name: string;
  remove(): Promise<void>;
}

const LINES_OF_A_LOG = 12;
const LINES_OF_A_COMMAND = 12;
const COMMANDS_KEPT = 4;
/** A test that starts one after the other needs the memory of those that it has done with. */
const STAND_INS_KEPT = 2;

/** What each container on a machine said last, and its engine. */
const LAST_WORDS = `
for name in $(docker ps -a --format '{{.Names}}'); do
  echo "--- docker logs $name ($(docker inspect -f '{{.State.Status}}, exit {{.State.ExitCode}}, restarted {{.RestartCount}} times' "$name"))"
  docker logs --tail ${LINES_OF_A_LOG} "$name" 2>&1
done
echo "--- dockerd"
grep -v 'level=info' /var/log/dockerd.log | tail -${LINES_OF_A_LOG}`;

const standing = new Set<StandIn>();
const leaving = new Set<StandIn>();
const removals: Promise<void>[] = [];
const commands: string[] = [];
let holding = false;

/** From now on a stand-in that is let go stays until `letGo`: whatever fails meanwhile can still be looked at. */
export function hold(): void {
  holding = true;
  commands.length = 0;
}

/** Notes that a stand-in runs; what comes back ends that. */
export function stands(standIn: StandIn): () => Promise<void> {
  standing.add(standIn);
  return async () => {
    if (!holding) return await removeNow(standIn);
    leaving.add(standIn);
    for (const oldest of [...leaving].slice(0, -STAND_INS_KEPT)) removals.push(removeNow(oldest));
  };
}

/** Notes what a command of dray's said. */
export function noteCommand(argv: readonly string[], ended: Ended): void {
  const said = `${ended.stdout}\n${ended.stderr}`
    .split("\n")
    .filter((line) => /\S/.test(line) && !line.includes('"step.progress"'));
  commands.push([`$ dray ${argv.join(" ")} -> ${ended.code}`, ...said.slice(-LINES_OF_A_COMMAND)].join("\n"));
  commands.splice(0, commands.length - COMMANDS_KEPT);
}

/** The last commands, and what every stand-in has in its logs. */
export async function evidence(): Promise<{ commands: string[]; logs: string[] }> {
  const logs = [...standing].map(async ({ name }) => {
    const asked = within(30_000, undefined, (signal) =>
      run(["docker", "exec", name, "sh", "-c", LAST_WORDS], { signal }),
    );
    const said = await asked.catch((error: unknown) => ({ stdout: String(error), stderr: "" }));
    return `=== ${name}\n${said.stdout}${said.stderr}`;
  });
  return { commands: [...commands], logs: await Promise.all(logs) };
}

/** Begins to remove what was let go; nobody has to wait for that but the end. */
export function letGo(): void {
  holding = false;
  for (const standIn of leaving) removals.push(removeNow(standIn));
}

/** Removes everything that still stands, also what a test that ran out of time could not let go. */
export async function removeAll(): Promise<void> {
  letGo();
  for (const standIn of standing) removals.push(removeNow(standIn));
  await Promise.all(removals.splice(0));
}

async function removeNow(standIn: StandIn): Promise<void> {
  standing.delete(standIn);
  leaving.delete(standIn);
  await standIn.remove();
}
