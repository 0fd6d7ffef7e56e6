import { spawn } from "node:child_process";
import { once } from "node:events";

/** Runs a program that may take many minutes; what it says goes to the screen. */
export async function loudly(
  argv: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<void> {
  const [program = "", ...rest] = argv;
  const child = spawn(program, rest, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", 2, 2],
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}`);
}
