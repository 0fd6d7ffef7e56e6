import { expect, test } from "vitest";
import { stringify } from "yaml";
import { parseManifest } from "../../yaml/load.ts";
import { type Carried, wordsOf } from "./carried.ts";
import { fromCompose } from "./compose.ts";
import { fromKamal } from "./kamal.ts";

const keysLeft = ({ left }: Carried): string[] => left.map(({ key }) => key);
/** What was made of the other file must be a manifest, once it has a machine. */
const whole = ({ manifest }: Carried): unknown => parseManifest(stringify({ machine: "vm", ...manifest }), "dray.yaml");
const compose = (source: string, variables: Record<string, string> = {}, service?: string): Carried =>
  fromCompose({ source, file: "compose.yaml", variables, ...(service === undefined ? {} : { service }) });

test.each([
  ["--model m --name 'a b'", ["--model", "m", "--name", "a b"]],
  [String.raw`sh -c "echo \"$HOME\" && x" a\ b`, ["sh", "-c", 'echo "$HOME" && x', "a b"]],
  ["", []],
])("%j is the words %j", (text, words) => {
  expect(wordsOf(text)).toEqual(words);
});

test("a model server with a GPU, weights in a volume and a token", () => {
  const made = compose(
    `
services:
  llm:
    image: vllm/vllm-openai:v0.9
    command: --model org/model --max-model-len 4096
    ports: ["8000:8000"]
    shm_size: 2gb
    ipc: host
    environment:
      - HF_TOKEN=\${HF_TOKEN}
      - LEVEL=\${LEVEL:-info}
    volumes:
      - cache:/root/.cache
      - /srv/models:/models:ro
      - ./local:/local
    healthcheck: {test: ["CMD", "curl", "-f", "http://localhost:8000/health"]}
    deploy: {resources: {limits: {memory: 16G, cpus: "4"}, reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}
    restart: always
volumes: {cache: {}}
`,
    {},
  );
  expect(made.manifest).toEqual({
    service: "llm",
    image: "vllm/vllm-openai:v0.9",
    args: ["--model", "org/model", "--max-model-len", "4096"],
    port: 8000,
    limits: { shm: "8GiB", memory: "16384MiB", cpus: 4, gpus: 1 },
    env: { LEVEL: "info" },
    secrets: { HF_TOKEN: { env: "HF_TOKEN" } },
    volumes: { cache: { at: "/root/.cache", write: true }, models: { at: "/models", from: "/srv/models" } },
    ready: "/health",
  });
  expect(keysLeft(made)).toEqual(["volumes[2]"]);
  whole(made);
});

test("an API beside its database: the API is carried, the others are named, and so is what only they need", () => {
  const made = compose(
    `
x-common: &common
  restart: unless-stopped
  env_file: .env
services:
  api:
    <<: *common
    build: {context: ., dockerfile: docker/Dockerfile, args: [VERSION=1], target: prod, cache_from: [x]}
    image: registry.example.com/api
    entrypoint: ["python", "-m"]
    command: ["app", "--port", "80"]
    ports: [{target: 80, published: 8080}, "9090:9090/tcp"]
    environment: {DATABASE_URL: "postgres://u:p@db/x", MODE: production, WORKERS: 2, UNSET: "\${UNSET}", PASSED: }
    depends_on: [db]
    user: "1000:1000"
    extra_hosts: ["host.docker.internal:host-gateway"]
    ulimits: {nofile: {soft: 1, hard: 65536}, memlock: -1}
    privileged: true
    unheard_of: 1
  db: {image: "postgres:16", volumes: ["db:/var/lib"]}
`,
    {},
    "api",
  );
  expect(made.manifest).toEqual({
    service: "api",
    build: { context: ".", dockerfile: "docker/Dockerfile", target: "prod", args: { VERSION: "1" } },
    command: ["python", "-m"],
    args: ["app", "--port", "80"],
    port: 80,
    env: { MODE: "production", WORKERS: "2" },
    secrets: { DATABASE_URL: { env: "DATABASE_URL" } },
    user: "1000:1000",
    hosts: { "host.docker.internal": "host-gateway" },
    limits: { nofile: 65536 },
  });
  expect(keysLeft(made).toSorted()).toEqual(
    [
      "build.cache_from",
      "ports[1]",
      "environment.DATABASE_URL",
      "environment.UNSET",
      "environment.PASSED",
      "depends_on",
      "ulimits.memlock",
      "privileged",
      "unheard_of",
      "env_file",
      "services.db",
    ].toSorted(),
  );
  expect(JSON.stringify(made)).not.toContain("u:p@db");
  whole(made);
});

test.each([
  ["services: {a: {image: x}, b: {image: y}}", undefined, "usage.invalid"],
  ["services: {a: {image: x}}", "b", "usage.invalid"],
  ["services: {", undefined, "manifest.syntax"],
])("%j, service %s: %s", (source, service, code) => {
  expect(() => compose(source, {}, service)).toThrow(expect.objectContaining({ code }));
});

test("of several services the one that is built and published is meant", () => {
  const source = `services: {db: {image: d, ports: ["5432:5432"]}, api: {build: ., ports: ["8000:8000"]}}`;
  expect(compose(source).manifest["service"]).toBe("api");
});

test("a Kamal configuration: machines, proxy, environment, and what has no place here", () => {
  const made = fromKamal(
    `
service: my_app
image: me/my-app
servers:
  web: {hosts: [192.0.2.1, 192.0.2.2], options: {memory: 500m, network: x}}
  job: {hosts: [192.0.2.3], cmd: bin/jobs}
proxy: {ssl: true, host: app.example.com, app_port: 3000, response_timeout: 30, healthcheck: {path: /ready}}
registry: {username: me, password: [KAMAL_REGISTRY_PASSWORD]}
env:
  clear: {MODE: web, RUBY: <%= ENV["X"] %>, FROM: <%= ENV["HERE"] %>, OTHER: <%= ENV.fetch("THERE", "y") %>}
  secret: [RAILS_MASTER_KEY, "TOKEN:OTHER_TOKEN"]
ssh: {user: deploy, port: 2222}
volumes: ["storage:/app/storage", "/srv/x:/x:ro"]
builder: {arch: amd64, args: {A: 1}, secrets: [S]}
accessories: {db: {image: "mysql:8"}}
aliases: {console: app exec}
retain_containers: 3
drain_timeout: 20
`,
    "config/deploy.yml",
    { HERE: "x" },
  );
  expect(made.manifest).toEqual({
    service: "my-app",
    build: { context: ".", args: { A: "1" } },
    limits: { memory: "500m", timeout: "30s", drain: "20s" },
    domain: "app.example.com",
    port: 3000,
    ready: "/ready",
    env: { MODE: "web", FROM: "x", OTHER: "y" },
    secrets: { RAILS_MASTER_KEY: { env: "RAILS_MASTER_KEY" }, TOKEN: { env: "OTHER_TOKEN" } },
    volumes: { storage: { at: "/app/storage", write: true }, x: { at: "/x", from: "/srv/x" } },
    keep: 3,
    machines: { m1: "ssh://deploy@192.0.2.1:2222", m2: "ssh://deploy@192.0.2.2:2222" },
  });
  expect(keysLeft(made).toSorted()).toEqual(
    [
      "image",
      "servers.web.options.network",
      "servers.job",
      "registry",
      "env.RUBY",
      "builder.secrets",
      "accessories",
      "aliases",
    ].toSorted(),
  );
  parseManifest(stringify(made.manifest), "dray.yaml");
});

test("one machine, and nobody said who logs in", () => {
  const { manifest } = fromKamal(
    "service: a\nimage: a\nservers: [192.0.2.9]\nproxy: {host: a.example.com, ssl: false}\n",
    "deploy.yml",
    {},
  );
  expect(manifest).toMatchObject({ machine: "root@192.0.2.9", tls: "off", port: 80, ready: "/up" });
});

test("two of Kamal's volumes that end alike stay two, and a command keeps its quotes", () => {
  const { manifest, left } = fromKamal(
    "service: a\nimage: a\nservers: {web: {hosts: [h], cmd: \"sh -c 'a b'\"}}\nvolumes: ['/srv/x:/x', '/opt/x:/y:ro', './z:/z']\n",
    "deploy.yml",
    {},
  );
  expect(manifest).toMatchObject({
    command: ["sh", "-c", "a b"],
    volumes: { x: { at: "/x", from: "/srv/x", write: true }, "x-2": { at: "/y", from: "/opt/x" } },
  });
  expect(left.map(({ key }) => key)).toContain("volumes[2]");
});
