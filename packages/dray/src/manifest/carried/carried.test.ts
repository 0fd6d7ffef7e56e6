import { expect, test } from "vitest";
import { stringify } from "yaml";
import { parseManifest } from "../../yaml/load.ts";
import { type Carried, wordsOf } from "./carried.ts";
import { fromCompose } from "./compose.ts";

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

test("an API and its database: both are carried, and what has no place is named", () => {
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
    with: { db: { image: "postgres:16", volumes: { db: { at: "/var/lib", write: true } } } },
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
      "ulimits.memlock",
      "privileged",
      "unheard_of",
      "env_file",
    ].toSorted(),
  );
  expect(JSON.stringify(made)).not.toContain("u:p@db");
  whole(made);
});

test("services that the API calls stand beside it, with secrets of one source; others are left by name", () => {
  const made = compose(
    `
services:
  api:
    build: .
    ports: ["8000:8000"]
    depends_on: {store: {condition: service_healthy}}
    environment: {QUEUE: "amqp://queue:5672", STORE_PASSWORD: "\${STORE_PASSWORD}"}
  store:
    image: postgres:16
    command: postgres -c fsync=off
    environment: {STORE_PASSWORD: "\${STORE_PASSWORD}", ADMIN_TOKEN: "\${ADMIN_TOKEN}", POSTGRES_DB: models}
    volumes: [data:/var/lib/postgresql/data]
    ports: ["5432:5432"]
    healthcheck: {test: [CMD, pg_isready]}
    mem_limit: 1g
    stop_signal: SIGINT
    gpus: 1
  queue: {image: "rabbitmq:4", links: [deep]}
  deep: {image: "deep:1"}
  page: {image: "page:1", ports: ["80:80"], depends_on: [api]}
  built: {build: ./built}
  my_cache: {image: "redis:7"}
  worker: {build: ., depends_on: [my_cache]}
  other: {image: "x:1"}
`,
  );
  expect(made.manifest).toMatchObject({
    with: {
      store: {
        image: "postgres:16",
        args: ["postgres", "-c", "fsync=off"],
        env: { POSTGRES_DB: "models" },
        secrets: ["STORE_PASSWORD", "ADMIN_TOKEN"],
        volumes: { data: { at: "/var/lib/postgresql/data", write: true } },
        limits: { memory: "1024MiB" },
      },
      queue: { image: "rabbitmq:4" },
      deep: { image: "deep:1" },
    },
    secrets: { STORE_PASSWORD: { env: "STORE_PASSWORD" }, ADMIN_TOKEN: { env: "ADMIN_TOKEN", as: "file" } },
  });
  expect(keysLeft(made).toSorted()).toEqual([
    "services.built",
    "services.my_cache",
    "services.other",
    "services.page",
    "services.store.healthcheck",
    "services.store.limits.gpus",
    "services.store.stopSignal",
    "services.worker",
  ]);
  whole(made);
});

test("what the API calls and cannot stand beside it says why", () => {
  const source =
    "services: {api: {image: a, ports: ['1:1'], depends_on: [my_cache, built]}, my_cache: {image: r}, built: {build: .}}";
  expect(compose(source, {}, "api").left).toEqual([
    { key: "services.my_cache", reason: expect.stringContaining("my-cache") },
    { key: "services.built", reason: expect.stringContaining("docker build") },
  ]);
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
