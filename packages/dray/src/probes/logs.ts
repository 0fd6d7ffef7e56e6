import type { Readable } from "node:stream";
import { deadline } from "drayage-clock";
import { type Engine, Frames } from "../machine/engine.ts";

const PATIENCE_MS = 10_000;

/** The last lines a container wrote. @throws AbortError, also when they have not come within ten seconds */
export async function containerLogs(
  engine: Engine,
  container: string,
  lines: number,
  signal?: AbortSignal,
): Promise<string[]> {
  using limit = deadline(PATIENCE_MS, signal);
  const answer = await engine.bytes("GET", `/containers/${encodeURIComponent(container)}/logs`, {
    query: { stdout: true, stderr: true, tail: lines },
    signal: limit.signal,
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
