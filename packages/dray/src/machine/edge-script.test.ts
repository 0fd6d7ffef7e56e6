import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { MASTER, RELOAD } from "./edge-script.ts";

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
