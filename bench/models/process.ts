import { execFile } from "node:child_process";

/** Runs a program in a folder to its end, whatever that is. */
export async function run(
  argv: readonly string[],
  cwd: string,
  { timeout = 120_000, env = {} }: { timeout?: number; env?: Record<string, string> } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [program = "", ...rest] = argv;
  return await new Promise((resolve) => {
    const options = { cwd, timeout, env: { ...process.env, ...env }, maxBuffer: 100_000_000 };
    execFile(program, rest, options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : 1, stdout, stderr }),
    );
  });
}
