import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readKubeconfig } from "./kubeconfig.ts";

let folder: string;
beforeAll(async () => (folder = await mkdtemp(path.join(tmpdir(), "dray-kubeconfig-"))));
afterAll(async () => await rm(folder, { recursive: true }));

async function written(name: string, content: string): Promise<string> {
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

const config = (name: string, more: string = ""): string => `
apiVersion: v1
kind: Config
current-context: ${name}
clusters: [{name: ${name}, cluster: {server: "https://${name}.test:6443/", certificate-authority: ca.pem, tls-server-name: kubernetes, proxy-url: "http://proxy.test:3128"}}]
users: [{name: ${name}, user: {token: t-${name}}}]
contexts: [{name: ${name}, context: {cluster: ${name}, user: ${name}, namespace: team-${name}}}]
${more}`;

test("a context's cluster, user and namespace; paths count from the file that names them", async () => {
  await written("one/ca.pem", "CA");
  const file = await written("one/config", config("a"));
  expect(await readKubeconfig(undefined, { KUBECONFIG: file })).toEqual({
    context: "a",
    server: "https://a.test:6443",
    namespace: "team-a",
    ca: "CA",
    insecure: false,
    serverName: "kubernetes",
    proxy: "http://proxy.test:3128",
    login: { token: "t-a" },
  });
});

test("of several files the first counts, and each may bring contexts of its own", async () => {
  await written("two/ca.pem", "OTHER");
  const files = [path.join(folder, "one/config"), path.join(folder, "none"), await written("two/config", config("b"))];
  const env = { KUBECONFIG: files.join(path.delimiter) };
  expect((await readKubeconfig(undefined, env)).context).toBe("a");
  expect(await readKubeconfig("b", env)).toMatchObject({ namespace: "team-b", ca: "OTHER", login: { token: "t-b" } });
});

test("data in the file, a certificate's user, a plugin beside the file, another user to act as", async () => {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const user = `{client-certificate-data: ${base64("CERT")}, client-key-data: ${base64("KEY")}, as: ann, as-groups: [devs], exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/login}}`;
  const file = await written(
    "three",
    `{current-context: x, clusters: [{name: c, cluster: {server: "https://c", certificate-authority-data: ${base64("CA")}}}], users: [{name: u, user: ${user}}], contexts: [{name: x, context: {cluster: c, user: u}}]}`,
  );
  expect(await readKubeconfig(undefined, { KUBECONFIG: file })).toMatchObject({
    namespace: "default",
    ca: "CA",
    login: {
      certificate: "CERT",
      key: "KEY",
      as: { user: "ann", groups: ["devs"] },
      exec: { command: path.join(folder, "bin/login") },
    },
  });
});

test("inside a cluster, where there is no file, it is the pod's own account", async () => {
  for (const [name, content] of Object.entries({ token: "t", "ca.crt": "CA", namespace: "team\n" }))
    await written(`account/${name}`, content);
  const env = {
    KUBECONFIG: path.join(folder, "none"),
    KUBERNETES_SERVICE_HOST: "10.96.0.1",
    KUBERNETES_SERVICE_PORT: "443",
  };
  expect(await readKubeconfig(undefined, env, path.join(folder, "account"))).toMatchObject({
    server: "https://10.96.0.1:443",
    namespace: "team",
    login: { tokenFile: path.join(folder, "account/token") },
  });
});

test.each([
  ["nowhere", undefined, undefined, /^there is no kubeconfig: /],
  ["bad-yaml", "{token: s3cret", undefined, /is not valid YAML$/],
  ["no-list", "clusters: s3cret", undefined, /is not a kubeconfig: clusters is not as expected$/],
  ["no-current", "contexts: null", undefined, /has no current context$/],
  ["no-context", config("a"), "prod", /^there is no context prod in /],
  [
    "no-cluster",
    "{current-context: a, contexts: [{name: a, context: {cluster: c}}]}",
    undefined,
    /names the cluster c, which is not in /,
  ],
  [
    "old-provider",
    "{current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: x}}], users: [{name: u, user: {auth-provider: {name: gcp}}}]}",
    undefined,
    /by the auth provider gcp, which Kubernetes gave up/,
  ],
] as const)("%s is refused in a sentence that shows no secret", async (name, content, context, words) => {
  const file = content === undefined ? path.join(folder, name) : await written(name, content);
  const refused = await readKubeconfig(context, { KUBECONFIG: file }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "kubernetes.no-config", message: expect.stringMatching(words) as string });
  expect(String(refused)).not.toContain("s3cret");
});
