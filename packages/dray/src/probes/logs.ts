import type { Readable } from "node:stream";
import { type Engine, Frames } from "../machine/engine.ts";

/** The last lines a container wrote. */
export async function containerLogs(
  engine: Engine,
  container: string,
  lines: number,
  signal: AbortSignal = AbortSignal.timeout(10_000),
): Promise<string[]> {
  const answer = await engine.bytes("GET", `/containers/${encodeURIComponent(container)}/logs`, {
    query: { stdout: true, stderr: true, tail: lines },
    signal,
  });
  const said: string[] = [];
  for await (const line of logLines(answer)) if (line.trim() !== "") said.push(line);
  return said;
}

/** The lines of a log that the engine sends as it is written; the last one may lack its line break. */
export async function* logLines(answer: Readable): AsyncGenerator<string> {
  const frames = new Frames();
  let rest = "";
  for await (const chunk of answer) {
    for (const frame of frames.push(chunk as Buffer)) {
      const lines = (rest + frame.data.toString()).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  }
  if (rest !== "") yield rest;
}
