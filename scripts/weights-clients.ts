// By hand: do boto3 and huggingface_hub take our stand-ins for the real services? `PYTHON=... npx tsx scripts/weights-clients.ts`
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { within } from "drayage-clock";
import { run } from "../packages/dray/src/base/process.ts";
import { openHub, openStore } from "../test/world/hub.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const files = {
  "config.json": Buffer.from('{"layers": 2}'),
  "model.safetensors": randomBytes(300_000),
  "sub/a b+c.txt": Buffer.from("with a space\n"),
};
const inBucket = Object.fromEntries(Object.entries(files).map(([name, content]) => [`tiny/${name}`, content]));

await using hub = await openHub({ repository: "org/tiny", commit: COMMIT, files, token: "hf_right" });
const key = { id: "AKIDTEST", secret: "hush/hush", region: "eu-test-1" };
await using store = await openStore({ bucket: "models", files: inBucket, ...key });
const folder = await mkdtemp(path.join(tmpdir(), "weights-clients-"));
const argv = [process.env["PYTHON"] ?? "python3", "test/clients/weights.py", hub.url, COMMIT, store.url, folder];
const env = { ...process.env, HF_HUB_DISABLE_XET: "1", HF_HUB_DISABLE_TELEMETRY: "1", HF_HOME: folder };
const ended = await within(120_000, undefined, (signal) => run(argv, { signal, env }));
await rm(folder, { recursive: true, force: true });

const sums = Object.entries(files).map(
  ([name, content]) => `${name} ${createHash("sha256").update(content).digest("hex")}`,
);
const total = Object.values(files).reduce((sum, content) => sum + content.length, 0);
const expected = [
  ...sums.toSorted().map((line) => `hf ${line}`),
  `hf listed ${total}`,
  ...sums.toSorted().map((line) => `s3 ${line}`),
  's3 part "la',
  "s3 refused SignatureDoesNotMatch",
];
process.stdout.write(ended.stdout);
if (ended.code !== 0 || ended.stdout.trim() !== expected.join("\n")) {
  process.stderr.write(`${ended.stderr}\nexpected:\n${expected.join("\n")}\n`);
  process.exitCode = 1;
}
