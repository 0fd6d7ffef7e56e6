import http from "node:http";
import type { AddressInfo } from "node:net";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { within } from "drayage-clock";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { forgetToken } from "../google/token.ts";
import { engineAuth, findLogin, type Login } from "./login.ts";

let folder = "";

beforeEach(async () => {
  forgetToken();
  folder = await mkdtemp(path.join(tmpdir(), "dray-login-"));
  vi.stubEnv("DOCKER_CONFIG", folder);
  vi.stubEnv("CLOUDSDK_CONFIG", folder);
  vi.stubEnv("PATH", `${folder}:${process.env["PATH"]}`);
  for (const name of [
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "GOOGLE_OAUTH_ACCESS_TOKEN_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GCE_METADATA_HOST",
  ])
    vi.stubEnv(name, "");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const find = (registry: string): Promise<Login | undefined> =>
  within(20_000, undefined, (signal) => findLogin(registry, signal));
const shown = (login: Login | undefined): unknown =>
  login && [login.user, login.password.reveal(), path.basename(login.from)];

async function program(name: string, lines: string): Promise<void> {
  await writeFile(path.join(folder, name), `#!/bin/sh\n${lines}\n`);
  await chmod(path.join(folder, name), 0o755);
}

test("what docker login left is found, by its file or by a credential helper", async () => {
  const auth = Buffer.from("me:pass:word").toString("base64");
  await writeFile(
    path.join(folder, "config.json"),
    JSON.stringify({
      auths: { "ghcr.io": { auth }, "https://index.docker.io/v1/": { auth }, "helped.example": {} },
      credHelpers: { "helped.example": "world", "broken.example": "none-such" },
    }),
  );
  await program("docker-credential-world", 'read host; printf \'{"Username":"w","Secret":"of %s"}\' "$host"');
  expect(shown(await find("ghcr.io"))).toEqual(["me", "pass:word", "config.json"]);
  expect(shown(await find("docker.io"))).toEqual(["me", "pass:word", "config.json"]);
  expect(shown(await find("helped.example"))).toEqual(["w", "of helped.example", "docker-credential-world"]);
  await expect(find("broken.example")).rejects.toMatchObject({
    code: "registry.unauthorized",
    message: expect.stringContaining("docker-credential-none-such"),
    hint: "is it installed, and on the PATH?",
  });
  expect(await find("quay.io")).toBeUndefined();
});

test("Google's registries get a token: from the environment, from a file, from gcloud; Amazon's what aws says", async () => {
  await program("gcloud", 'test "$1 $2" = "auth print-access-token" && echo by-gcloud');
  await program("aws", 'test "$1 $2 $3 $4" = "ecr get-login-password --region eu-central-1" && echo by-aws');
  const user = "oauth2accesstoken";
  expect(shown(await find("europe-central2-docker.pkg.dev"))).toEqual([
    user,
    "by-gcloud",
    "gcloud auth print-access-token",
  ]);
  // Asking gcloud takes seconds: it is asked again only when its token was not taken.
  await program("gcloud", "echo newer");
  expect(shown(await find("eu.gcr.io"))).toContain("by-gcloud");
  forgetToken();
  expect(shown(await find("eu.gcr.io"))).toContain("newer");
  await writeFile(path.join(folder, "token"), "in-a-file\n");
  vi.stubEnv("GOOGLE_OAUTH_ACCESS_TOKEN_FILE", path.join(folder, "token"));
  expect(shown(await find("eu.gcr.io"))).toEqual([user, "in-a-file", "token"]);
  vi.stubEnv("GOOGLE_OAUTH_ACCESS_TOKEN", "in-a-variable");
  expect(shown(await find("us-docker.pkg.dev"))).toEqual([user, "in-a-variable", "GOOGLE_OAUTH_ACCESS_TOKEN"]);
  // Nobody else is shown Google's token.
  expect(await find("docker.pkg.dev.example.com")).toBeUndefined();
  expect(shown(await find("123456789012.dkr.ecr.eu-central-1.amazonaws.com"))).toEqual([
    "AWS",
    "by-aws",
    "aws ecr get-login-password",
  ]);
});

test("on a machine of Google's its own service account is asked, by Google's own library", async () => {
  const asked: string[] = [];
  const server = http.createServer((request, reply) => {
    if (request.headers["metadata-flavor"] === "Google") asked.push(request.url?.split("?")[0] ?? "");
    reply.setHeader("metadata-flavor", "Google").setHeader("content-type", "application/json");
    reply.end(JSON.stringify({ access_token: "of-the-machine", expires_in: 3599, token_type: "Bearer" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("GCE_METADATA_HOST", `127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv("METADATA_SERVER_DETECTION", "assume-present");
  try {
    const user = "oauth2accesstoken";
    expect(shown(await find("us-docker.pkg.dev"))).toEqual([user, "of-the-machine", "Application Default Credentials"]);
    expect(asked).toContain("/computeMetadata/v1/instance/service-accounts/default/token");
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("Application Default Credentials that are no good are said to be so", async () => {
  await writeFile(path.join(folder, "adc.json"), JSON.stringify({ type: "authorized_user" }));
  vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", path.join(folder, "adc.json"));
  await expect(find("us-docker.pkg.dev")).rejects.toMatchObject({
    code: "google.unauthorized",
    hint: "gcloud auth application-default login",
  });
});

test("an engine is told the login in the header that it reads, and a login prints as none", async () => {
  await writeFile(
    path.join(folder, "config.json"),
    JSON.stringify({ auths: { "ghcr.io": { auth: Buffer.from("me:secret").toString("base64") } } }),
  );
  const login = await find("ghcr.io");
  const { "x-registry-auth": header = "" } = engineAuth("ghcr.io", login);
  // Docker 20.10 decodes only what is padded (moby, getDistributionInfo), and takes the rest for no login at all.
  expect([header.length % 4, /[+/]/.test(header)]).toEqual([0, false]);
  expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual({
    username: "me",
    password: "secret",
    serveraddress: "ghcr.io",
  });
  expect(engineAuth("ghcr.io", undefined)).toEqual({});
  expect(JSON.stringify(login)).not.toContain('secret"');
});
