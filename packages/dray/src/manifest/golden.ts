import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { parse, type ParseError } from "jsonc-parser";
import { framed, isGrpc } from "drayage-keeper";
import * as z from "zod";
import { Failure } from "../base/failure.ts";
import type { Golden } from "../core/golden.ts";
import { type Payload, payloadOf, writtenPayload } from "../core/payload.ts";
import { frame } from "../base/frame.ts";
import { readPayload } from "./payload.ts";
import { issueWords } from "./words.ts";
import type { Manifest } from "./schema.ts";

const fileName = z.string().min(1);
/** One of several keys at most. */
const oneOf =
  (...keys: string[]) =>
  (said: object): boolean =>
    keys.filter((key) => key in said).length < 2;

/** What a language model's text must be. */
const completion = z.strictObject({
  finish: z.string().min(1).optional(),
  length: z.strictObject({ min: z.number().int().optional(), max: z.number().int().optional() }).optional(),
  matches: z.string().refine(isExpression, "expected a regular expression").optional(),
});

function isExpression(said: string): boolean {
  try {
    return new RegExp(said, "u").source !== "";
  } catch {
    return false;
  }
}

const goldenSchema = z.array(
  z.strictObject({
    request: z
      .strictObject({
        method: z.string().default("POST"),
        path: z.string().startsWith("/"),
        headers: z.record(z.string(), z.string()).optional(),
        body: z.json().optional(),
        text: z.string().optional(),
        file: fileName.optional(),
        form: z
          .record(z.string(), z.union([z.string(), z.strictObject({ file: fileName, type: z.string().optional() })]))
          .optional(),
      })
      .refine(oneOf("body", "text", "file", "form"), "a request carries one of body, text, file and form"),
    expect: z
      .strictObject({
        status: z.number().int().default(200),
        body: z.json().optional(),
        text: z.string().optional(),
        type: z.string().optional(),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/, "expected a SHA-256 in hex")
          .optional(),
        completion: completion.optional(),
        tolerance: z.number().nonnegative().default(1e-6),
        withinMs: z.number().positive().optional(),
      })
      .refine(
        oneOf("body", "text", "sha256", "completion"),
        "an answer is expected by one of body, text, sha256 and completion",
      )
      .prefault({}),
  }),
);

/** Where a manifest's golden requests are. */
export function goldenFile(manifest: Pick<Manifest, "golden" | "folder">): string {
  return path.resolve(manifest.folder, manifest.golden ?? "golden.json");
}

/** Writes them, whole or not at all. */
export async function saveGolden(
  manifest: Pick<Manifest, "golden" | "folder">,
  golden: readonly Golden[],
): Promise<string> {
  const file = goldenFile(manifest);
  const said = golden.map(({ request, expect }) => ({ request: writtenPayload(request), expect }));
  await writeFile(`${file}.new`, `${JSON.stringify(said, undefined, 2)}\n`);
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
  const all = parseGolden(await readFile(file, "utf8"), path.relative(process.cwd(), file));
  return await Promise.all(all.map((golden) => withPayload(golden, path.dirname(file))));
}

/** With what its request carries read from the files that it names. */
async function withPayload(golden: Golden, folder: string): Promise<Golden> {
  const { request } = golden;
  const payload = await readPayload(request, folder);
  const type = Object.entries(request.headers ?? {}).find(([name]) => name.toLowerCase() === "content-type")?.[1];
  if (isGrpc(type)) return { ...golden, request: asGrpc(request, payload ?? payloadOf(request)) };
  return payload === undefined ? golden : { ...golden, request: { ...request, payload } };
}

/** A message of gRPC as it travels: the file has its bytes alone. */
function asGrpc(request: Golden["request"], message: Payload | undefined): Golden["request"] {
  const payload = { type: "application/grpc", bytes: framed(message?.bytes ?? new Uint8Array()) };
  // RFC 9110, 10.1.4: without it a proxy may leave the status out, and some servers refuse.
  return { ...request, headers: { te: "trailers", ...request.headers }, payload };
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
