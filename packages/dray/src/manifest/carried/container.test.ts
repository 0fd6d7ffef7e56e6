import { expect, test } from "vitest";
import type { HandMade } from "../../core/hand-made.ts";
import { fromContainer } from "./container.ts";

const image = { Env: ["PATH=/bin"], Entrypoint: ["uvicorn"], Cmd: ["app:app"], User: "" };
const made = (more: Partial<HandMade>): HandMade => ({
  Name: "/my-api",
  Config: { ...image, Image: "my-api:2" },
  HostConfig: {},
  image,
  inRegistry: true,
  ...more,
});

test("what the image says by itself is left out", () => {
  const { manifest, left } = fromContainer(made({}), "ops@vm");
  expect(manifest).toEqual({ service: "my-api", machine: "ops@vm", image: "my-api:2" });
  expect(left).toEqual([]);
});

test("what docker run was told becomes keys of the manifest, and a secret's value is not written down", () => {
  const { manifest, left } = fromContainer(
    made({
      Config: {
        ...image,
        Image: "my-api:2",
        Env: ["PATH=/bin", "MODE=fast=1", "API_KEY=abc123"],
        Cmd: ["app:app", "--workers", "2"],
        User: "1000",
      },
      HostConfig: {
        Memory: 2 * 1024 ** 3,
        NanoCpus: 1.5e9,
        ShmSize: 1024 ** 3,
        ReadonlyRootfs: true,
        ExtraHosts: ["db:10.0.0.5"],
        DeviceRequests: [{ Count: -1 }],
        PortBindings: { "8000/tcp": [{ HostIp: "", HostPort: "80" }], "9000/tcp": [{ HostIp: "", HostPort: "9000" }] },
      },
      Mounts: [
        { Type: "bind", Source: "/srv/models", Destination: "/models", RW: false },
        {
          Type: "volume",
          Name: "cache",
          Source: "/var/lib/docker/volumes/cache/_data",
          Destination: "/data",
          RW: true,
        },
      ],
    }),
    "ops@vm",
    "decisions",
  );
  expect(manifest).toEqual({
    service: "decisions",
    machine: "ops@vm",
    image: "my-api:2",
    args: ["app:app", "--workers", "2"],
    user: "1000",
    env: { MODE: "fast=1" },
    secrets: ["API_KEY"],
    port: 8000,
    volumes: { models: { at: "/models", from: "/srv/models" }, data: { at: "/data", from: "cache", write: true } },
    limits: { memory: "2048MiB", cpus: 1.5, shm: "1024MiB", gpus: 1 },
    readOnly: true,
    hosts: { db: "10.0.0.5" },
  });
  expect(left.map(({ key }) => key)).toEqual(["env.API_KEY", "port 80", "port 9000"]);
  expect(JSON.stringify({ manifest, left })).not.toContain("abc123");
});

test.each([
  [{ HostConfig: { Privileged: true } }, "--privileged"],
  [{ HostConfig: { NetworkMode: "host" } }, "--network host"],
  [{ HostConfig: { CapAdd: ["SYS_ADMIN"] } }, "--cap-add SYS_ADMIN"],
  [{ inRegistry: false }, "image"],
  [
    { Mounts: [{ Type: "bind", Source: "/var/run/docker.sock", Destination: "/var/run/docker.sock", RW: true }] },
    "/var/run/docker.sock",
  ],
])("%o is named with its reason", (more, key) => {
  const { left } = fromContainer(made(more), "ops@vm");
  expect(left).toEqual([{ key, reason: expect.any(String) }]);
});
