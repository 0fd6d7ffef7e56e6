import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { payloadOf, writtenPayload } from "../core/payload.ts";
import { carriedOf } from "./carried.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "dray-carried-"));
  await writeFile(path.join(folder, "cat.jpg"), Buffer.from([0xff, 0xd8, 0]));
  await writeFile(path.join(folder, "loan.json"), '{ "amount": 1 }\n');
  await writeFile(path.join(folder, "row"), '{"amount": 2}');
  await writeFile(path.join(folder, "broken.json"), '{"amount"');
});
afterAll(async () => await rm(folder, { recursive: true }));

test.each([
  ['{"a": 1}', "application/json", { body: { a: 1 } }, '{"a":1}'],
  ["1,2,3", "text/plain; charset=utf-8", { text: "1,2,3" }, "1,2,3"],
  ['{"a":', "application/json", { text: '{"a":' }, '{"a":'],
  ["@loan.json", "application/json", { body: { amount: 1 } }, '{ "amount": 1 }\n'],
  ["@row", "application/json", { body: { amount: 2 } }, '{"amount": 2}'],
])("--data %s", async (data, type, said, sent) => {
  const at = data.startsWith("@") ? `@${path.join(folder, data.slice(1))}` : data;
  const carried = (await carriedOf(at, undefined)) ?? {};
  const payload = payloadOf(carried);
  expect(payload?.type).toBe(type);
  expect(Buffer.from(payload?.bytes ?? []).toString()).toBe(sent);
  expect(writtenPayload(carried)).toEqual(said);
});

test("--data @cat.jpg is a picture, and JSON that is broken goes as it is", async () => {
  expect((await carriedOf(`@${path.join(folder, "cat.jpg")}`, undefined))?.payload).toMatchObject({
    type: "image/jpeg",
  });
  const broken = await carriedOf(`@${path.join(folder, "broken.json")}`, undefined);
  expect(broken?.payload?.type).toBe("application/json");
  expect(broken?.body).toBeUndefined();
});

test("--form has fields and files", async () => {
  const carried = await carriedOf(undefined, ["top=a=b", `image=@${path.join(folder, "cat.jpg")};type=image/x-cat`]);
  const text = Buffer.from(carried?.payload?.bytes ?? []).toString("latin1");
  expect(text).toMatch(/name="top"\r\n\r\na=b\r\n[^]*filename="cat.jpg"\r\nContent-Type: image\/x-cat/i);
  await expect(carriedOf("{}", ["a=b"])).rejects.toMatchObject({ code: "usage.invalid" });
  await expect(carriedOf(undefined, ["nothing"])).rejects.toMatchObject({ code: "usage.invalid" });
});
