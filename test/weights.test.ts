// Each source of weights against its stand-in, up to the bytes: what a machine is told is fetched by the keeper's own program.
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CATALOGUE } from "../packages/dray/src/catalogue.ts";
import { schemeOf } from "../packages/dray/src/manifest/weights.ts";
import { awsKey, presign } from "../packages/dray/src/weights/aws.ts";
import type { Pinned, WeightsAsked } from "../packages/dray/src/weights/source.ts";
import { Secret } from "../packages/dray/src/base/secret.ts";
import type { FetchNews } from "../packages/keeper/src/fetch/job.ts";
import { runFetch } from "../packages/keeper/src/fetch/run.ts";
import { type Files, openArtifacts, openBucket, openHub, openStore } from "./world/hub.ts";

const { signal } = new AbortController();
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const FILES: Files = {
  "config.json": Buffer.from('{"layers": 2}'),
  "model.safetensors": randomBytes(300_000),
  "sub/a b+c.txt": Buffer.from("with a space\n"),
  "pytorch_model.bin": randomBytes(2000),
};
const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");
const sumOf = (files: Files, prefix = ""): string =>
  sha256(
    Object.keys(files)
      .toSorted()
      .map((name) => `${sha256(files[name] ?? "")}  ${prefix}${name}\n`)
      .join(""),
  );
const below = (folder: string): Files =>
  Object.fromEntries(Object.entries(FILES).map(([name, content]) => [folder + name, content]));

let home = "";
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "weights-"));
  // Nothing of this computer's own logins is looked at.
  for (const name of ["HOME", "HF_HOME", "XDG_CACHE_HOME", "DRAY_CACHE", "DOCKER_CONFIG", "CLOUDSDK_CONFIG"])
    vi.stubEnv(name, home);
  for (const name of [
    "HF_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL_S3",
    "GOOGLE_APPLICATION_CREDENTIALS",
  ])
    vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

async function pin(from: string, more: Partial<WeightsAsked> = {}): Promise<Pinned> {
  const source = CATALOGUE.weights.find(({ schemes }) => schemes.includes(schemeOf(from)));
  if (source === undefined) throw new Error(from);
  return await source.pin({ name: "qwen", from, folder: home, ...more }, signal);
}

/** Has the keeper's program bring it, and hands over what lies there then. */
async function bring(
  pinned: Pinned,
): Promise<{ last: FetchNews | undefined; read: (name: string) => Promise<Buffer> }> {
  const root = await mkdtemp(path.join(home, "volume-"));
  const input = new PassThrough();
  const { sha256: all } = pinned;
  const job = { connections: 4, files: await pinned.open(signal), ...(all === undefined ? {} : { sha256: all }) };
  input.write(`${JSON.stringify(job)}\n`);
  const news: FetchNews[] = [];
  await runFetch(root, input, (line) => news.push(JSON.parse(line) as FetchNews));
  return { last: news.at(-1), read: (name) => readFile(path.join(root, name)) };
}

test("hf: a repository at a commit with the hub's own token; parts of it; a wrong token is said", async () => {
  await using hub = await openHub({ repository: "org/tiny", commit: COMMIT, files: FILES, token: "hf_right" });
  vi.stubEnv("HF_ENDPOINT", hub.url);
  await expect((await pin(`hf://org/tiny@${COMMIT}`)).open(signal)).rejects.toMatchObject({ code: "weights.refused" });
  await writeFile(path.join(home, "token"), "hf_right\n");
  const all = await bring(await pin(`hf://org/tiny@${COMMIT}`));
  expect(all.last).toMatchObject({ type: "done" });
  for (const [name, content] of Object.entries(FILES)) expect((await all.read(name)).equals(content)).toBe(true);
  const some = await pin(`hf://org/tiny@${COMMIT}`, { only: ["*.safetensors", "config.json"] });
  expect((await some.open(signal)).map((file) => file.path)).toEqual(["config.json", "model.safetensors"]);
  const whole = await pin(`hf://org/tiny@${COMMIT}`);
  expect(some.id).not.toBe(whole.id);
  const folder = await bring(
    await pin(`hf://org/tiny@${COMMIT}/sub/`, {
      sha256: sumOf({ "a b+c.txt": FILES["sub/a b+c.txt"] ?? Buffer.of() }),
    }),
  );
  expect(folder.last).toMatchObject({ type: "done" });
  const file = await pin(`hf://org/tiny@${COMMIT}/model.safetensors`);
  expect((await file.open(signal))[0]).toMatchObject({
    path: "model.safetensors",
    sha256: sha256(FILES["model.safetensors"] ?? ""),
  });
  const other = await pin(`hf://org/tiny@${COMMIT}/none.bin`);
  await expect(other.open(signal)).rejects.toMatchObject({ code: "weights.missing" });
});

test("s3: signed with a key that the machine never sees; a folder over several pages, an object, another key", async () => {
  const key = { id: "AKIDTEST", secret: "hush/hush", region: "eu-test-1" };
  await using store = await openStore({ bucket: "models", files: below("tiny/"), ...key });
  vi.stubEnv("AWS_ENDPOINT_URL_S3", store.url);
  vi.stubEnv("AWS_REGION", key.region);
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", path.join(home, "credentials"));
  await writeFile(
    path.join(home, "credentials"),
    `[default]\naws_access_key_id = ${key.id}\naws_secret_access_key = ${key.secret}\n`,
  );
  const pinned = await pin("s3://models/tiny/", { sha256: sumOf(FILES) });
  expect(JSON.stringify(await pinned.open(signal))).not.toContain("hush");
  const all = await bring(pinned);
  expect(all.last).toMatchObject({ type: "done" });
  expect(String(await all.read("sub/a b+c.txt"))).toBe("with a space\n");
  const one = await pin("s3://models/tiny/config.json", { sha256: sha256(FILES["config.json"] ?? "") });
  expect((await bring(one)).last).toMatchObject({ type: "done", total: FILES["config.json"]?.length });
  expect(store.refused).toEqual([]);
  await writeFile(
    path.join(home, "credentials"),
    `[default]\naws_access_key_id = ${key.id}\naws_secret_access_key = other\n`,
  );
  await expect(pinned.open(signal)).rejects.toMatchObject({ code: "weights.refused" });
});

test("the signature is the one of Amazon's own example", async () => {
  // "Authenticating Requests: Using Query Parameters", the example of its reference.
  const url = new URL("https://examplebucket.s3.amazonaws.com/test.txt");
  const key = { id: "AKIAIOSFODNN7EXAMPLE", secret: new Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") };
  const made = presign(url, key, { region: "us-east-1", at: new Date("2013-05-24T00:00:00Z"), seconds: 86_400 });
  expect(new URL(made).searchParams.get("X-Amz-Signature")).toBe(
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  );
  vi.stubEnv("AWS_ACCESS_KEY_ID", "a");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "b");
  expect((await awsKey(signal))?.id).toBe("a");
});

test("gs: with this computer's token, a folder over several pages, an object by its generation", async () => {
  await using bucket = await openBucket({ bucket: "models", files: below("tiny/"), token: "ya29.right" });
  vi.stubEnv("STORAGE_EMULATOR_HOST", bucket.url);
  vi.stubEnv("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.right");
  expect((await bring(await pin("gs://models/tiny/", { sha256: sumOf(FILES) }))).last).toMatchObject({ type: "done" });
  const one = await bring(await pin("gs://models/tiny/model.safetensors#7"));
  expect((await one.read("model.safetensors")).equals(FILES["model.safetensors"] ?? Buffer.of())).toBe(true);
  vi.stubEnv("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.other");
  await expect((await pin("gs://models/tiny/", { sha256: sumOf(FILES) })).open(signal)).rejects.toMatchObject({
    code: "weights.refused",
  });
});

test("oci: an artifact of files, with docker's own login", async () => {
  const login = { user: "me", password: "pass" };
  await using registry = await openArtifacts({ name: "models/tiny", files: FILES, ...login });
  const host = registry.url.replace("http://", "");
  const auth = Buffer.from(`${login.user}:${login.password}`).toString("base64");
  await writeFile(path.join(home, "config.json"), JSON.stringify({ auths: { [host]: { auth } } }));
  const all = await bring(await pin(`oci://${host}/models/tiny@${registry.digest}`));
  expect(all.last).toMatchObject({ type: "done" });
  expect((await all.read("pytorch_model.bin")).equals(FILES["pytorch_model.bin"] ?? Buffer.of())).toBe(true);
});
