import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { attach } from "../base/process.ts";

const OPENERS: Partial<Record<NodeJS.Platform, string[]>> = { darwin: ["open"], win32: ["cmd", "/c", "start", ""] };

/** Opens an address in this computer's browser; where there is none, the address is on the screen. */
export async function openInBrowser(url: string): Promise<void> {
  await attach([...(OPENERS[process.platform] ?? ["xdg-open"]), url]).catch(() => 1);
}

/**
 * Opens an address that has a secret in it. Command lines can be read by everybody on this computer, so the browser is
 * handed a file that only this user can read, which leads there; it goes with what is answered.
 */
export async function openPrivately(url: string): Promise<AsyncDisposable> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-open-"));
  const file = path.join(folder, "open.html");
  await writeFile(file, leadTo(url), { mode: 0o600 });
  // Some browsers stay until they are closed, and nobody waits for that.
  void openInBrowser(file);
  return { [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }) };
}

/** A page that leads to an address of this program's own making: it has no character that HTML reads in another way. */
function leadTo(url: string): string {
  return `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0; url=${url}"><title>Drayage</title>`;
}
