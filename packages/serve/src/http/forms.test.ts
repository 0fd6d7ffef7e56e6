import { encode as encodePng } from "fast-png";
import { encode as encodeJpeg } from "jpeg-js";
import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Running } from "../start.ts";
import { example, fixture, LOANS, postJson, startTest } from "../testing.ts";

// Rows that are not JSON.

let loans: Running;
let picture: Running;
let columns: Running;
beforeAll(async () => {
  loans = await startTest(LOANS);
  picture = await startTest({ model: fixture("picture"), body: 10_000 });
  columns = await startTest({ model: fixture("columns") });
});
afterAll(async () => {
  for (const running of [loans, picture, columns]) await running.close();
});

type Row = Record<string, unknown>;
const { rows } = JSON.parse(readFileSync(example("expected.json"), "utf8")) as { rows: Row[] };
const two = rows.slice(0, 2);
const csv = two.map((row) => `${Object.values(row).join(",")}\n`).join("");

async function send(
  { address }: Running,
  [path, type]: [string, string],
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ status: number; type: string | null; text: string; json: unknown }> {
  const answer = await fetch(address + path, { method: "POST", body, headers: { "content-type": type, ...headers } });
  const text = await answer.text();
  const type_ = answer.headers.get("content-type");
  return {
    status: answer.status,
    type: type_,
    text,
    json: type_?.includes("json") === true ? JSON.parse(text) : undefined,
  };
}

test("text/csv: rows in the order of the features, or under a header; answers as JSON or CSV", async () => {
  const asJson = await (await postJson(`${loans.address}/decisions`, two)).json();
  expect((await send(loans, ["/decisions", "text/csv"], csv)).json).toEqual(asJson);
  const names = Object.keys(rows[0] ?? {}).toReversed();
  const headed = [names, ...two.map((row) => names.map((name) => row[name]))]
    .map((line) => line.join(","))
    .join("\r\n");
  expect((await send(loans, ["/decisions", "text/csv; charset=utf-8"], headed)).json).toEqual(asJson);
  const scores = (asJson as { score: number }[]).map(({ score }) => `${score}\n`).join("");
  const likeSageMaker = await send(loans, ["/invocations", "text/csv"], csv);
  expect(likeSageMaker).toMatchObject({ status: 200, type: "text/csv; charset=utf-8", text: scores });
  expect((await send(loans, ["/invocations", "text/csv"], csv, { accept: "application/json" })).json).toEqual(asJson);
  expect(
    (await send(loans, ["/decisions", "application/json"], JSON.stringify(two), { accept: "text/csv" })).text,
  ).toBe(scores);
});

test.each<[string, string, number, string]>([
  ["a missing column", "1,2\n", 422, "/0"],
  ["a text where a number is due", csv.replace(/^[^,]+/, "much"), 422, "/0/income"],
  ["a quote that is not closed", '"1,2', 400, "CSV"],
  ["nothing", "\n", 422, "at least one"],
  ["an empty cell of what has no default", csv.replace(/^[^,]+/, ""), 422, "/0/income"],
])("text/csv: %s is refused with its place", async (_name, body, status, said) => {
  const answer = await send(loans, ["/decisions", "text/csv"], body);
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(said)]);
});

/** What numpy.save writes. */
function npy(type: string, shape: readonly number[], cells: Uint8Array): Buffer {
  const dict = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.map((each) => `${each},`).join(" ")}), }`;
  const header = Buffer.from(`${dict.padEnd(118 - 1)}\n`);
  const magic = Buffer.from("\x93NUMPY\x01\x00", "latin1");
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([magic, length, header, cells]);
}

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const doubles = (...values: number[]): Uint8Array => new Uint8Array(Float64Array.from(values).buffer);
const PIXELS = Uint8Array.from({ length: 48 }, (_, index) => index * 5);
const MEAN = [0, 1, 2].map((channel) => PIXELS.filter((_, at) => at % 3 === channel).reduce((a, b) => a + b) / 16);

test("a single tensor as bytes, or as numpy writes it: one row or several", async () => {
  const running = await startTest({ model: fixture("regressor") });
  const one = { score: 14 };
  const asked = async (type: string, body: Uint8Array): Promise<unknown> =>
    (await send(running, ["/decisions", type], body)).json;
  expect(await asked("application/octet-stream", floats(1, 2, 3))).toEqual(one);
  expect(await asked("application/octet-stream", floats(1, 2, 3, 1, 2, 3))).toEqual([one, one]);
  expect(await asked("application/x-npy", npy("<f4", [3], floats(1, 2, 3)))).toEqual(one);
  expect(await asked("application/octet-stream", npy("<f8", [1, 3], doubles(1, 2, 3)))).toEqual([one]);
  for (const [type, body] of [
    ["application/octet-stream", floats(1, 2)],
    ["application/octet-stream", floats(1, 2, 3).subarray(0, 10)],
    ["application/x-npy", npy("<f4", [2], floats(1, 2))],
    ["application/x-npy", npy("<i8", [3], doubles(1, 2, 3))],
    ["application/x-npy", npy(">f4", [3], floats(1, 2, 3))],
    ["application/x-npy", npy("<f4", [1000, 1000, 3], floats(1, 2, 3))],
    ["application/x-npy", floats(1, 2, 3)],
  ] as const)
    expect(await asked(type, body)).toMatchObject({ error: { message: expect.any(String) } });
  const many = await send(running, ["/decisions", "application/octet-stream"], new Uint8Array(1025 * 12));
  expect(many.status).toBe(413);
  expect((await send(columns, ["/decisions", "application/octet-stream"], floats(1))).status).toBe(415);
  await running.close();
});

test("a picture as PNG or JPEG, where the input is one", async () => {
  const png = (channels: number, data: Uint8Array): Uint8Array => encodePng({ width: 4, height: 4, channels, data });
  const asked = async (type: string, body: Uint8Array): Promise<{ status: number; text: string; mean: number[] }> => {
    const { status, text, json } = await send(picture, ["/decisions", type], body);
    return { status, text, mean: (json as { outputs?: { mean: number[] } }).outputs?.mean ?? [] };
  };
  expect((await asked("image/png", png(3, PIXELS))).mean).toEqual(MEAN);
  const withAlpha = Uint8Array.from({ length: 64 }, (_, at) =>
    at % 4 === 3 ? 255 : (PIXELS[(at >> 2) * 3 + (at % 4)] ?? 0),
  );
  expect((await asked("image/png", png(4, withAlpha))).mean).toEqual(MEAN);
  expect(
    (
      await asked(
        "image/png",
        png(
          1,
          Uint8Array.from({ length: 16 }, () => 9),
        ),
      )
    ).mean,
  ).toEqual([9, 9, 9]);
  const gray = encodeJpeg({ width: 4, height: 4, data: Uint8Array.from({ length: 64 }, () => 128) }, 95).data;
  for (const mean of (await asked("image/jpeg", gray)).mean) expect(Math.abs(mean - 128)).toBeLessThan(3);
  const larger = encodePng({ width: 5, height: 4, channels: 3, data: new Uint8Array(60) });
  expect(await asked("image/png", larger)).toMatchObject({ status: 422, text: expect.stringContaining("4 x 4") });
  expect((await asked("image/png", gray)).status).toBe(400);
  expect((await asked("image/jpeg", png(3, PIXELS))).status).toBe(400);
  expect((await asked("image/jpeg", gray.subarray(0, 300))).status).toBe(400);
  expect((await send(loans, ["/decisions", "image/png"], larger)).status).toBe(415);
});

test("a picture that unpacks to more than its pixels is refused", async () => {
  const honest = Buffer.from(encodePng({ width: 4, height: 4, channels: 3, data: PIXELS }));
  const packed = deflateSync(Buffer.alloc(5_000_000));
  const chunk = Buffer.concat([Buffer.alloc(4), Buffer.from("IDAT"), packed, Buffer.alloc(4)]);
  chunk.writeUInt32BE(packed.length);
  const bomb = Buffer.concat([honest.subarray(0, 33), chunk, honest.subarray(-12)]);
  const { status, text } = await send(picture, ["/decisions", "image/png"], bomb);
  expect([status, text]).toEqual([400, expect.stringContaining("PNG")]);
});
