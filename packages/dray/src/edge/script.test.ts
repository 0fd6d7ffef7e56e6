import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { edgeConfig } from "./config.ts";
import { isClosed } from "./keys.ts";
import { MASTER, next, parseState, RELOAD, writeState } from "./script.ts";

/** Runs lines against a master that does what `answer` says. */
async function against(answer: (said: string, socket: Socket) => void, script: string): Promise<string> {
  const server = createServer((socket) => {
    // Once: bash may send its lines one by one.
    socket.on("error", () => undefined).once("data", (chunk) => answer(String(chunk), socket));
    socket.resume();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const bash = ["-c", script.replaceAll("127.0.0.1/9998", `127.0.0.1/${port}`)];
  return (await promisify(execFile)("bash", bash, { timeout: 10_000 })).stdout;
}

test("a reload's answer is waited for, however long its parts take", async () => {
  const heard: string[] = [];
  const said = await against((text, socket) => {
    heard.push(text);
    socket.write("Success=");
    setTimeout(() => socket.end("1\n--\n"), 2500);
  }, RELOAD);
  expect(said).toBe("Success=1\n--\n");
  // Nothing behind it: the master that comes would not read it.
  expect(heard).toEqual(["reload\n"]);
});

test("a master that says nothing, or stops in the middle, is waited for no longer than it may be silent", async () => {
  const silent = (_text: string, socket: Socket): void => void socket.write("#<PID>\nhalf");
  expect(await against(silent, `${MASTER}\nmaster 'show proc'`)).toBe("#<PID>\nhalf");
  expect(await against(silent, RELOAD.replace("most=300", "most=5"))).toBe("#<PID>\nhalf");
});

const OLD = readFileSync("packages/record/src/fixtures/state-5f386ab.json", "utf8");

test("a state that an older dray wrote is taken over: it serves as before, and what is written next has all of it", () => {
  const { state } = parseState(`${OLD}\n--dray-config--\nglobal`);
  const service = state.services["decisions"];
  expect(service === undefined ? undefined : isClosed(service)).toBe(true);
  const config = edgeConfig(state);
  for (const server of ["1c00002a.1 172.18.0.21:8080", "1c00003a.2 172.18.0.32:8080"]) expect(config).toContain(server);
  const written = writeState(next(state, (same) => same)).split("\n")[1] ?? "";
  expect(JSON.parse(written)).toEqual({ ...JSON.parse(OLD), rev: state.rev + 1 });
});

test("a state that a newer dray wrote, or that is none, is refused before anything is changed", () => {
  const parse = (state: string) => (): unknown => parseState(`${state}\n--dray-config--\n`);
  expect(parse(OLD.replace('"v":1', '"v":2').replace('"v": 1', '"v": 2'))).toThrow(
    expect.objectContaining({ code: "state.newer", hint: expect.stringContaining("dray upgrade") }),
  );
  expect(parse('{"v":1,"rev":')).toThrow(
    expect.objectContaining({ code: "state.unreadable", message: expect.stringContaining("no JSON") }),
  );
  // An edge that nothing was deployed to has none.
  expect(parseState("--dray-config--").state.services).toEqual({});
});
