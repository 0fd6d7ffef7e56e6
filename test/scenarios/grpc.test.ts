import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { selfSigned } from "../world/certificate.ts";
import { GRPC_IMAGE } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const KEY = "a-key-of-a-good-length-for-the-caller";
const same = (bytes: Buffer): Buffer => bytes;

let vm: Vm;
let client: Client;

const dray = (...argv: string[]): ReturnType<Vm["dray"]> => vm.drayWith({ APP_KEY: KEY }, ...argv);

async function writeManifest(release: string, more: object = {}): Promise<void> {
  const manifest = {
    service: "api",
    machine: vm.host,
    image: GRPC_IMAGE,
    protocol: "h2c",
    env: { RELEASE: release },
    keys: { app: { env: "APP_KEY" } },
    golden: "golden.json",
    ...more,
  };
  await vm.write("dray.yaml", JSON.stringify(manifest));
}

/** The caller's key, as metadata. */
function shown(key: string = KEY): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${key}`);
  return metadata;
}

async function unary(method: string, message: string, metadata: Metadata = shown(), by = client): Promise<string> {
  return await new Promise((resolve, reject) => {
    by.makeUnaryRequest(`/world.Api/${method}`, same, same, Buffer.from(message), metadata, (error, answer) =>
      error === null ? resolve(String(answer)) : reject(error),
    );
  });
}

beforeAll(async () => {
  vm = await startVm();
  client = new Client(`${vm.address}:80`, credentials.createInsecure());
  await writeFile(path.join(vm.folder, "hello.bin"), "hello");
  const request = { path: "/world.Api/Echo", file: "hello.bin", headers: { "content-type": "application/grpc" } };
  await vm.write("golden.json", JSON.stringify([{ request, expect: { text: "hello" } }]));
});

afterAll(async () => {
  client.close();
  await vm[Symbol.asyncDispose]();
});

test("a gRPC server without protocol: h2c is told what to write; with it, health says ready and a golden call proves it", async () => {
  await writeManifest("one", { protocol: "http" });
  const refused = await dray("deploy", "-y");
  expect(refused.stderr).toContain("release.protocol");
  expect(refused.stderr).toContain("protocol: h2c");
  await writeManifest("one");
  const deployed = await dray("deploy", "-y");
  expect(deployed.code, deployed.stderr).toBe(0);
  const asked = await dray("request");
  expect(asked.code, asked.stderr).toBe(0);
  expect(asked.stdout).toContain("hello");
  const traced = await dray("trace");
  expect(traced.stdout).toMatch(/readiness .*\n✓ prediction .* 200 from here/);
});

/** What a call ends with: its status, and the messages before. */
async function counted(message: string): Promise<{ messages: string[]; code: status }> {
  const messages: string[] = [];
  const call = client.makeServerStreamRequest("/world.Api/Count", same, same, Buffer.from(message), shown());
  call.on("data", (bytes: Buffer) => void messages.push(String(bytes)));
  return await new Promise((resolve) => {
    call.on("error", ({ code }: ServiceError) => resolve({ messages, code }));
    call.on("end", () => resolve({ messages, code: status.OK }));
  });
}

test("gRPC's client calls with a key: messages, metadata and statuses come back, before and behind a body", async () => {
  expect(await unary("Echo", "a".repeat(200_000))).toHaveLength(200_000);
  expect(await unary("Told", "")).toBe("app");
  await expect(unary("Echo", "a", shown("another"))).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  await expect(unary("Fail", "NOT_FOUND")).rejects.toMatchObject({ code: status.NOT_FOUND, details: "as asked" });
  expect(await counted("3 0")).toEqual({ messages: ["0", "1", "2"], code: status.DATA_LOSS });
});

/** Calls so often a second until it is stopped: how many came back, and what the others said. */
function startCalls(perSecond: number): { stop(): Promise<{ answered: number; problems: string[] }> } {
  const calls: Promise<unknown>[] = [];
  const problems: string[] = [];
  const timer = setInterval(() => {
    for (let each = 0; each < perSecond / 50; each++)
      calls.push(unary("Echo", "x").catch((error: unknown) => problems.push(String(error))));
  }, 20);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(calls);
      return { answered: calls.length - problems.length, problems };
    },
  };
}

test("300 calls a second, a stream and a conversation over a switch and a rollback: 0 lost", async () => {
  const talk = client.makeBidiStreamRequest("/world.Api/Talk", same, same, shown());
  const heard: string[] = [];
  talk.on("data", (bytes: Buffer) => void heard.push(String(bytes)));
  talk.write(Buffer.from("before"));
  await expect.poll(() => heard).toEqual(["BEFORE"]);
  const stream = counted("50 100");
  const calls = startCalls(300);
  await writeManifest("two");
  for (const command of [
    ["deploy", "-y"],
    ["rollback", "-y"],
  ]) {
    const ended = await dray(...command);
    expect(ended.code, ended.stderr).toBe(0);
  }
  const { answered, problems } = await calls.stop();
  expect(problems).toEqual([]);
  expect(answered).toBeGreaterThan(300);
  expect((await stream).messages).toHaveLength(50);
  talk.write(Buffer.from("behind"));
  talk.end();
  await expect.poll(() => heard).toEqual(["BEFORE", "BEHIND"]);
});

test("a status that comes before any message counts in metrics as the HTTP status that means the same", async () => {
  const errors = async (): Promise<number> => {
    const { stdout } = await dray("metrics", "--since", "10m", "--json");
    return (JSON.parse(stdout) as { all: { errors: number } }[])[0]?.all.errors ?? Number.NaN;
  };
  const before = await errors();
  for (const code of ["UNAVAILABLE", "INTERNAL", "NOT_FOUND"])
    await expect(unary("Fail", code)).rejects.toMatchObject({ details: "as asked" });
  await expect.poll(errors, { timeout: 20_000, interval: 1000 }).toBe(before + 2);
});

test("the same calls go through TLS, by the name of the certificate", async () => {
  const name = "api.example.net";
  const [cert, key] = ["cert.pem", "key.pem"].map((file) => path.join(vm.folder, file));
  await selfSigned(cert ?? "", key ?? "", `DNS:${name}`);
  await writeManifest("three", { domain: name, tls: { certificate: "cert.pem", key: { file: "key.pem" } } });
  const deployed = await dray("deploy", "-y");
  expect(deployed.code, deployed.stderr).toBe(0);
  const secure = new Client(`${vm.address}:443`, credentials.createSsl(await readFile(cert ?? "")), {
    "grpc.ssl_target_name_override": name,
    "grpc.default_authority": name,
  });
  try {
    expect(await unary("Echo", "hello", shown(), secure)).toBe("hello");
  } finally {
    secure.close();
  }
});
