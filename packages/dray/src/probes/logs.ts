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
  const frames = new Frames();
  let said = "";
  for await (const chunk of answer) for (const frame of frames.push(chunk as Buffer)) said += frame.data.toString();
  return said.split("\n").filter((line) => line.trim() !== "");
}
