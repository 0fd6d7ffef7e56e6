import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Ended, run } from "../base/process.ts";
import { type ServerFiles, serverScript } from "./serve-runtime.ts";

/** What a program needs from its environment to run at all. */
const NEEDED = ["PATH", "LD_LIBRARY_PATH", "LOCPATH", "TMPDIR", "SystemRoot"];

/**
 * Has the model server look at files and say what they are. A model may come from anywhere: the server gets an empty
 * folder and none of the environment, so that there is nothing in reach that is not named here.
 */
export async function askServer(
  server: ServerFiles,
  command: "inspect" | "weights",
  flags: readonly string[],
  signal: AbortSignal,
): Promise<Ended> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-look-"));
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => NEEDED.includes(name)));
  try {
    return await run([process.execPath, serverScript(server), command, ...flags], { signal, cwd: folder, env });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
