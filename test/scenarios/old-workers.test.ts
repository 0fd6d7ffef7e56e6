import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const KEY = "a-partner-key-of-a-good-length";
const IDLE = 200;
const HELPERS = ["first", "second", "third"];

/** A connection that was used once, and waits. */
interface Idle {
  socket: Socket;
  key: string;
}

/** What the next request on a connection is answered with: the release's version, `refused`, another status, or how it was lost. */
async function next({ socket, key }: Idle): Promise<string> {
  let said = "";
  const heard = (chunk: Buffer): void => void (said += chunk.toString());
  socket.on("data", heard);
  try {
    socket.write(`GET /decisions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\n\r\n`);
    while (!/\r\n\r\n[\s\S]*[}\n]/.test(said))
      await Promise.race([once(socket, "data"), once(socket, "close")]).then(mustBeOpen);
  } catch (error) {
    return `lost: ${String(error)}`;
  } finally {
    socket.off("data", heard);
  }
  const status = said.slice(9, 12);
  // Many wrong keys from one address are told to wait.
  if (status === "401" || status === "429") return "refused";
  return /"version": "(\d)"/.exec(said)?.[1] ?? status;

  function mustBeOpen(): void {
    if (socket.destroyed) throw new Error(`closed after ${said.length} bytes`);
  }
}

async function open(vm: Vm, key: string, count: number): Promise<Idle[]> {
  const all = Array.from({ length: count }, () => ({ socket: connect({ host: vm.address, port: 80 }), key }));
  for (const { socket } of all) socket.on("error", () => undefined);
  await Promise.all(all.map(({ socket }) => once(socket, "connect")));
  return all;
}

/** How many of the answers were what. */
async function answers(idle: readonly Idle[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const answer of await Promise.all(idle.map(next))) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

test("what is revoked, switched or taken back counts on every connection, also those that a reload left to the HAProxy before", async () => {
  await using vm = await startVm();
  const manifest = (tag: string, more: string = ""): Promise<void> =>
    vm.write(
      "dray.yaml",
      `service: decisions\nmachine: ${vm.host}\nimage: ${appImage(tag)}\nready: /\nkeys: {partners: {file: key.txt}}\n${more}`,
    );
  const dray = async (...argv: string[]): Promise<string> => {
    const ended = await vm.dray(...argv);
    expect(ended.code, ended.stderr).toBe(0);
    return ended.stdout;
  };
  await vm.write("key.txt", KEY);
  await manifest("1");
  await dray("deploy", "-y");
  for (const name of HELPERS) {
    await vm.write(
      `${name}.yaml`,
      `service: ${name}\nmachine: ${vm.host}\nimage: ${appImage("1")}\nready: /\nprefix: /${name}\n`,
    );
    await dray("deploy", "-y", "--file", `${name}.yaml`);
  }
  const fresh = (await dray("keys", "add", "auditors")).trim();
  /** Connections that were used, and that a reload then leaves to the HAProxy of before: another service is closed. */
  const left = async (helper: string, keys: readonly string[]): Promise<Idle[]> => {
    const idle = (await Promise.all(keys.map((key) => open(vm, key, IDLE / keys.length)))).flat();
    expect(await answers(idle)).toEqual({ [await live()]: IDLE });
    await dray("keys", "add", "somebody", "--file", `${helper}.yaml`);
    return idle;
  };
  const live = async (): Promise<string> => {
    const [one] = await open(vm, KEY, 1);
    return one === undefined ? "" : await next(one).finally(() => one.socket.destroy());
  };

  const half = await left("first", [KEY, fresh]);
  await dray("keys", "revoke", "auditors");
  expect(await answers(half)).toEqual({ 1: IDLE / 2, refused: IDLE / 2 });

  const switched = await left("second", [KEY]);
  await manifest("2");
  await dray("deploy", "-y");
  expect(await answers(switched)).toEqual({ 2: IDLE });

  const tried = await left("third", [KEY]);
  await manifest("1", "rollout: {canary: [50], every: 300s}\n");
  // A step is told when it is over; as an event, when it begins.
  const trial = vm.drayRunning("deploy", "-y", "--json");
  await new Promise<void>((resolve) => trial.onLine((line) => /50 %.*traffic/.test(line) && resolve()));
  await expect.poll(async () => await live(), { timeout: 30_000 }).toBe("1");
  trial.kill("SIGINT");
  expect((await trial.ended).code).toBe(130);
  expect(await answers(tried)).toEqual({ 2: IDLE });
});
