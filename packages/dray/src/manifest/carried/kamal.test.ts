import { expect, test } from "vitest";
import { stringify } from "yaml";
import { parseManifest } from "../../yaml/load.ts";
import type { Carried } from "./carried.ts";
import { fromKamal } from "./kamal.ts";

const keysLeft = ({ left }: Carried): string[] => left.map(({ key }) => key);

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
accessories:
  db:
    image: mysql:8
    host: 192.0.2.1
    port: "3306:3306"
    cmd: mysqld --x
    env: {clear: {MYSQL_ROOT_HOST: "%"}, secret: [MYSQL_ROOT_PASSWORD, RAILS_MASTER_KEY]}
    directories: ["data:/var/lib/mysql"]
    files: ["config/my.cnf:/etc/my.cnf"]
    options: {memory: 2g, cap-add: x}
  far: {image: "redis:7", host: 192.0.2.200}
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
    secrets: {
      RAILS_MASTER_KEY: { env: "RAILS_MASTER_KEY" },
      TOKEN: { env: "OTHER_TOKEN" },
      MYSQL_ROOT_PASSWORD: { env: "MYSQL_ROOT_PASSWORD", as: "file" },
    },
    with: {
      "my-app-db": {
        image: "mysql:8",
        args: ["mysqld", "--x"],
        env: { MYSQL_ROOT_HOST: "%" },
        secrets: ["MYSQL_ROOT_PASSWORD", "RAILS_MASTER_KEY"],
        volumes: { data: { at: "/var/lib/mysql", write: true } },
        limits: { memory: "2g" },
      },
    },
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
      "accessories.db.port",
      "accessories.db.directories",
      "accessories.db.files",
      "accessories.db.options.cap-add",
      "accessories.far",
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

test("what Ruby would make is left by name, its statements leave nothing, and a machine is known by its words", () => {
  const made = fromKamal(
    `
<%# A comment
    of two lines: with a colon %>
<% host = ENV.fetch("HOST") %>
service: <%= name %>
image: a
servers: {web: [<%= host %>]}
proxy: {host: <%= slug %>.example.com, ssl: true}
volumes: ["<%= name %>_storage:/storage"]
<% if host %>
accessories:
  db: {image: "mysql:8", host: <%= host %>}
  far: {image: "redis:7", host: <%= other %>}
<% end %>
`,
    "config/deploy.yml",
    {},
  );
  expect(made.manifest).toMatchObject({
    service: "api",
    volumes: { storage: { at: "/storage", write: true } },
    with: { "api-db": { image: "mysql:8" } },
  });
  expect(made.manifest).not.toHaveProperty("domain");
  expect(made.manifest).not.toHaveProperty("machine");
  expect(keysLeft(made)).toEqual(["service", "image", "proxy.host", "accessories.far", "servers.web"]);
});
