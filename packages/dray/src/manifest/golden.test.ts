import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { payloadOf } from "../core/payload.ts";
import { loadGolden, parseGolden, saveGolden } from "./golden.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "dray-golden-"));
  await writeFile(path.join(folder, "cat.jpg"), Buffer.from([0xff, 0xd8, 0, 0x80]));
});
afterAll(async () => await rm(folder, { recursive: true }));

async function loaded(request: object): ReturnType<typeof loadGolden> {
  await writeFile(path.join(folder, "golden.json"), JSON.stringify([{ request: { path: "/x", ...request } }]));
  return await loadGolden({ folder });
}

test("a file travels byte for byte with the content type of its name, and is written down by its name alone", async () => {
  const [golden] = await loaded({ file: "cat.jpg" });
  if (golden === undefined) throw new Error("none");
  const payload = payloadOf(golden.request);
  expect(payload?.type).toBe("image/jpeg");
  expect([...(payload?.bytes ?? [])]).toEqual([0xff, 0xd8, 0, 0x80]);
  await saveGolden({ folder }, [golden]);
  const [said] = JSON.parse(await readFile(path.join(folder, "golden.json"), "utf8")) as [{ request: object }];
  expect(said.request).toEqual({ method: "POST", path: "/x", file: "cat.jpg" });
});

test("a form is multipart, its files with their names and types", async () => {
  const [golden] = await loaded({ form: { top: "3", image: { file: "cat.jpg" } } });
  const payload = payloadOf(golden?.request ?? {});
  expect(payload?.type).toMatch(/^multipart\/form-data; boundary=/);
  const form = await new Response(Buffer.from(payload?.bytes ?? []), {
    headers: { "content-type": payload?.type ?? "" },
  }).formData();
  expect(form.get("top")).toBe("3");
  const image = form.get("image") as File;
  expect([image.name, image.type, image.size]).toEqual(["cat.jpg", "image/jpeg", 4]);
});

test("a file that is not there is named", async () => {
  await expect(loaded({ file: "dog.jpg" })).rejects.toMatchObject({ code: "request.no-file" });
});

test.each([
  [{ request: { path: "/x", body: {}, text: "" } }, "one of body, text, file and form"],
  [
    { request: { path: "/x" }, expect: { text: "", sha256: "0".repeat(64) } },
    "one of body, text, sha256 and completion",
  ],
  [{ request: { path: "/x" }, expect: { sha256: "abc" } }, "SHA-256 in hex"],
  [{ request: { path: "/x" }, expect: { completion: { matches: "(" } } }, "expected a regular expression"],
  [{ request: { path: "/x" }, expect: { completion: { finished: "stop" } } }, "finished"],
])("%o is refused", (said, why) => {
  expect(() => parseGolden(JSON.stringify(said), "golden.json")).toThrow(why);
});

test("a message of gRPC travels with its prefix, from a file or empty; what is written down is the file", async () => {
  const headers = { "content-type": "application/grpc" };
  const [golden] = await loaded({ file: "cat.jpg", headers });
  expect([...(payloadOf(golden?.request ?? {})?.bytes ?? [])]).toEqual([0, 0, 0, 0, 4, 0xff, 0xd8, 0, 0x80]);
  expect(golden?.request.headers).toEqual({ te: "trailers", ...headers });
  const [empty] = await loaded({ headers });
  expect([...(payloadOf(empty?.request ?? {})?.bytes ?? [])]).toEqual([0, 0, 0, 0, 0]);
});
