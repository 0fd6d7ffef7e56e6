import type { LockedFile } from "./index-file.ts";

/** Processors that our own images are made for, by Docker's names. */
export type Architecture = "amd64" | "arm64";

/** Packages of one Debian suite, by name, for each processor. */
export type LockedSet = { suite: string } & Record<Architecture, Record<string, LockedFile>>;

/** A program's builds as npm carries them; `integrity` is npm's (W3C Subresource Integrity). */
export type LockedBuild = { version: string } & Record<Architecture, { package: string; integrity: string }>;

/** Reads a set: a line for each package, with name, version, path, sha256 and size. */
export function lockedSet(suite: string, lines: Record<Architecture, string>): LockedSet {
  return { suite, amd64: readLines(lines.amd64), arm64: readLines(lines.arm64) };
}

function readLines(text: string): Record<string, LockedFile> {
  const rows = text
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
  return Object.fromEntries(
    rows.map(([name = "", version = "", path = "", sha256 = "", size = ""]) => [
      name,
      { version, path, sha256, size: Number(size) },
    ]),
  );
}
