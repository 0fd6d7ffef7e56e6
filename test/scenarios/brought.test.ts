import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

/** An API of pictures, as people write one: what it was sent says which answer is right. */
const SERVER = `
import hashlib, http.server, json, os
class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def say(self, kind, data):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def do_GET(self):
        self.say("text/plain", b"here")
    def do_POST(self):
        sent = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/thumb":
            return self.say("image/png", b"\\x89PNG\\0" + hashlib.sha256(sent).digest())
        self.say("application/json", json.dumps({"type": self.headers["content-type"].split(";")[0], "sha256": hashlib.sha256(sent).hexdigest()}).encode())
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Api).serve_forever()
`;
const DOCKERFILE = `FROM ${appImage("1")}
COPY server.py /
HEALTHCHECK --interval=1s --retries=1 CMD test -z "$ILL" || { echo the model is missing; exit 1; }
CMD ["python3", "-u", "/server.py"]
`;
/** Counts who asks: since it was started, and since there is its volume. */
const COUNTER = `
import http.server, os
asked = 0
class Count(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global asked
        asked += 1
        open("/data/asked", "a").write("x")
        print("counting for", os.environ.get("MORE", "nobody"), "by", os.environ["PIN"].encode())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{asked} {len(open('/data/asked').read())}".encode())
http.server.HTTPServer(("0.0.0.0", 9000), Count).serve_forever()
`;
const CAT = Buffer.from([0xff, 0xd8, 0xff, 0, 1, 2, 0x80]);

let vm: Vm;
beforeAll(async () => {
  vm = await startVm();
  await vm.write("server.py", SERVER);
  await vm.write("Dockerfile", DOCKERFILE);
  await writeFile(path.join(vm.folder, "cat.jpg"), CAT);
});
afterAll(async () => {
  await vm[Symbol.asyncDispose]();
});

const manifest = (more: object): Promise<void> =>
  vm.write("dray.yaml", JSON.stringify({ service: "api", machine: vm.host, build: ".", keys: "off", ...more }));

test("a picture is sent as one, recorded as a golden request, and proves the next release", async () => {
  await manifest({});
  expect((await vm.dray("deploy", "--yes")).code).toBe(0);
  const asked = await vm.dray("request", "-d", "@cat.jpg", "--path", "/classify");
  expect(asked.stdout).toContain('"type": "image/jpeg"');
  const thumb = await vm.dray("request", "-F", "image=@cat.jpg", "-F", "width=64", "--path", "/thumb");
  expect(thumb.stdout).toMatch(/37 bytes of image\/png, SHA-256 [0-9a-f]{64}/);
  await vm.dray("golden", "record", "-d", "@cat.jpg", "--path", "/classify");
  const recorded = await vm.dray("golden", "record", "-d", "@cat.jpg", "--path", "/thumb");
  expect(recorded.code, recorded.stderr).toBe(0);
  const golden = path.join(vm.folder, "golden.json");
  expect(JSON.parse(await readFile(golden, "utf8"))).toMatchObject([
    { request: { path: "/classify", file: "cat.jpg" }, expect: { body: { type: "image/jpeg" } } },
    { request: { path: "/thumb", file: "cat.jpg" }, expect: { type: "image/png", sha256: expect.any(String) } },
  ]);
  const next = await vm.dray("deploy", "--yes");
  expect(next.code, next.stderr).toBe(0);
  await writeFile(path.join(vm.folder, "cat.jpg"), "another cat");
  const refused = await vm.dray("deploy", "--yes");
  expect(refused.stderr).toContain("[release.golden-wrong]");
  await rm(golden);
});

test("a HEALTHCHECK that fails is said in status, trace and check, and with ready: healthcheck such a release gets no traffic", async () => {
  await manifest({ env: { ILL: "yes" } });
  const served = await vm.dray("deploy", "--yes", "--wait");
  expect(served.code, served.stderr).toBe(0);
  await expect.poll(async () => (await vm.dray("status")).stdout).toContain("1/1, 1 unhealthy");
  const traced = await vm.dray("trace");
  expect(traced.stdout).toContain("unhealthy by its HEALTHCHECK: the model is missing");
  expect(traced.code, traced.stdout).toBe(0);
  const checked = await vm.dray("check", "--json");
  expect(JSON.parse(checked.stdout)).toMatchObject({
    items: expect.arrayContaining([expect.objectContaining({ number: 27, verdict: "fail" })]),
  });
  await manifest({ env: { ILL: "yes" }, ready: "healthcheck", limits: { ready: "4s" } });
  const refused = await vm.dray("deploy", "--yes");
  expect(refused.stderr).toMatch(/\[release.not-ready\].*HEALTHCHECK still says \w+: the model is missing/);
  await manifest({ ready: "healthcheck" });
  const well = await vm.dray("deploy", "--yes", "--wait");
  expect(well.code, well.stderr).toBe(0);
  expect((await vm.dray("status")).stdout).not.toContain("unhealthy");
});

test("before: runs in a container of the new image while the old release serves; one that was killed runs again", async () => {
  const volumes = { data: { at: "/data", write: true } };
  const write = (script: string): Promise<void> => manifest({ volumes, before: ["sh", "-c", script] });
  await write("echo ran >> /data/ran; echo migrating; exit 3");
  const failed = await vm.dray("deploy", "--yes");
  expect(failed.stderr).toContain("[release.before-failed]");
  expect(failed.stderr).toContain("ended with exit code 3");
  expect((await fetch(`http://${vm.address}/`)).status).toBe(200);
  await write("echo ran >> /data/ran; echo migrating; test -e /data/quick || sleep 60");
  const killed = vm.drayRunning("deploy", "--yes");
  await new Promise<void>((resolve) => killed.onLine((line) => line.includes("migrating") && resolve()));
  expect((await fetch(`http://${vm.address}/`)).status).toBe(200);
  killed.kill("SIGKILL");
  await killed.ended;
  await vm.inside("touch", "/var/lib/docker/volumes/dray-data-api-data/_data/quick");
  const again = await vm.dray("deploy", "--yes", "--wait");
  expect(again.code, again.stderr).toBe(0);
  expect(again.stderr).toContain("was interrupted");
  expect((await vm.dray("exec", "--", "cat", "/data/ran")).stdout).toBe("ran\nran\nran\n");
  const left = await vm.inside("docker", "ps", "-aq", "--filter", "label=dray.role=before");
  expect(left).toBe("");
});

test("a container beside it is reached by its name, outlives deploys, has its own logs, and goes with the service", async () => {
  const command = ["python3", "-u", "-c", COUNTER];
  const counter = { image: appImage("1"), command, volumes: { data: "/data" }, secrets: ["PIN"] };
  const secrets = { PIN: { file: "pin", as: "file" }, TOKEN: { file: "token" } };
  await vm.write("token", "of the model alone");
  await vm.write("pin", "let 'me' in\n");
  await manifest({ secrets, with: { counter } });
  const first = await vm.dray("deploy", "--yes", "--wait");
  expect(first.code, first.stderr).toBe(0);
  const ask = "import urllib.request as u; print(u.urlopen('http://counter:9000/').read().decode())";
  const count = async (): Promise<string> => (await vm.dray("exec", "--", "python3", "-c", ask)).stdout.trim();
  expect(await count()).toBe("1 1");
  const shown = (): Promise<string> => vm.inside("docker", "exec", "dray-api-with-counter", "ls", "-A", "/run/secrets");
  expect(await shown()).toBe(".ready\nPIN");
  // What somebody started by hand there becomes a manifest of its own.
  await vm.inside(
    "sh",
    "-c",
    "docker create --name by-hand -e MODE=fast -p 9090:8080 $(docker images -q dray/api | head -1)",
  );
  const init = await vm.dray("init", "--from-container", "by-hand", "--machine", vm.host, "--file", "by-hand.yaml");
  expect(init.code, init.stderr).toBe(0);
  expect(init.stdout).toMatch(/service: by-hand\n[^]*MODE: fast[^]*port: 8080/);
  expect(init.stderr).toContain("port 9090");
  await vm.inside("docker", "rm", "by-hand");
  await manifest({ secrets, with: { counter: { ...counter, env: { MORE: "yes" } } } });
  expect((await vm.dray("plan")).stdout).toContain("dray with restart counter");
  const second = await vm.dray("deploy", "--yes", "--wait");
  expect(second.code, second.stderr).toBe(0);
  expect(await count()).toBe("2 2");
  const restarted = await vm.dray("with", "restart", "counter");
  expect(restarted.code, restarted.stderr).toBe(0);
  // What it held is gone, and what it wrote is there.
  expect(await count()).toBe("1 3");
  expect(await shown()).toBe(".ready\nPIN");
  expect((await vm.dray("with", "logs", "counter")).stdout).toContain(`counting for yes by b"let 'me' in\\n"`);
  expect(await vm.inside("docker", "inspect", "dray-api-with-counter")).not.toContain("let 'me' in");
  expect((await vm.dray("status")).stdout).toContain("api with counter: ");
  const broken = { ...counter, command: ["false"] };
  await manifest({ secrets, with: { counter: broken, other: broken } });
  expect((await vm.dray("deploy", "--yes")).stderr).toContain("[with.failed]");
  expect((await fetch(`http://${vm.address}/`)).status).toBe(200);
  expect((await vm.dray("remove", "--yes")).code).toBe(0);
  expect(await vm.inside("docker", "ps", "-aq", "--filter", "label=dray.service=api")).toBe("");
  expect(await vm.inside("docker", "volume", "ls", "-q", "--filter", "name=counter")).toBe(
    "dray-data-api-counter.data",
  );
});
