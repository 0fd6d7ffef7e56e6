import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { parse, type ParseError } from "jsonc-parser";
import * as z from "zod";
import { Failure } from "../base/failure.ts";
import type { Golden } from "../core/golden.ts";
import { frame } from "../base/frame.ts";
import { issueWords } from "./words.ts";
import type { Manifest } from "./schema.ts";

const goldenSchema = z.array(
  z.strictObject({
    request: z.strictObject({
      method: z.string().default("POST"),
      path: z.string().startsWith("/"),
      headers: z.record(z.string(), z.string()).optional(),
      body: z.json().optional(),
    }),
    expect: z
      .strictObject({
        status: z.number().int().default(200),
        body: z.json().optional(),
        tolerance: z.number().nonnegative().default(1e-6),
        withinMs: z.number().positive().optional(),
      })
      .prefault({}),
  }),
);

/** Where a manifest's golden requests are. */
function goldenFile(manifest: Pick<Manifest, "golden" | "folder">): string {
  return path.resolve(manifest.folder, manifest.golden ?? "golden.json");
}

/** Writes them, whole or not at all. */
export async function saveGolden(
  manifest: Pick<Manifest, "golden" | "folder">,
  golden: readonly Golden[],
): Promise<string> {
  const file = goldenFile(manifest);
  await writeFile(`${file}.new`, `${JSON.stringify(golden, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
  return path.relative(process.cwd(), file);
}

/** The golden requests of a manifest: of the file it names, else of golden.json beside it, else none. @throws Failure golden.invalid */
export async function loadGolden(manifest: Pick<Manifest, "golden" | "folder">): Promise<Golden[]> {
  const file = goldenFile(manifest);
  if (!existsSync(file)) {
    if (manifest.golden === undefined) return [];
    throw new Failure("golden.invalid", `there is no ${manifest.golden}`, {
      hint: "name a file that exists, or take `golden:` out",
    });
  }
  return parseGolden(await readFile(file, "utf8"), path.relative(process.cwd(), file));
}

/** @throws Failure golden.invalid, with the place when the text is no JSON */
export function parseGolden(source: string, file: string): Golden[] {
  let raw: unknown;
  try {
    raw = JSON.parse(source);
  } catch (error) {
    // JSON.parse does not always say where; this parser does.
    const errors: ParseError[] = [];
    parse(source, errors);
    const offset = errors[0]?.offset ?? source.length;
    const before = source.slice(0, offset).split("\n");
    const [line, column] = [before.length, (before.at(-1)?.length ?? 0) + 1];
    throw new Failure("golden.invalid", `${file} is not JSON from here on`, {
      place: { file, line, column, frame: frame(source, line, column) },
      hint: 'expected: [{"request": {"method": "POST", "path": "/decisions", "body": {...}}, "expect": {"status": 200}}]',
      cause: error,
    });
  }
  const result = goldenSchema.safeParse(Array.isArray(raw) ? raw : [raw], { error: issueWords });
  if (result.success) return result.data as Golden[];
  const [issue] = result.error.issues;
  throw new Failure("golden.invalid", `${file}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}`, {
    place: { file, line: 1, column: 1 },
    hint: 'expected: [{"request": {"method": "POST", "path": "/decisions", "body": {...}}, "expect": {"status": 200}}]',
  });
}
