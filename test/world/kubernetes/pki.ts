import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { must } from "../images.ts";

/** The addresses of a cluster's containers. */
export interface Addresses {
  control: string;
  nodes: readonly string[];
}

interface Certificate {
  file: string;
  subject: string;
  names?: readonly string[];
}

/** The first address of the Services' network is the API server's own. */
const SERVICE = "10.96.0.1";

function certificatesFor({ control, nodes }: Addresses): Certificate[] {
  const server = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost", "control"];
  return [
    {
      file: "apiserver",
      subject: "/CN=kube-apiserver",
      names: [...server.map((name) => `DNS:${name}`), ...["127.0.0.1", SERVICE, control].map((ip) => `IP:${ip}`)],
    },
    { file: "admin", subject: "/O=system:masters/CN=admin" },
    { file: "controllers", subject: "/CN=system:kube-controller-manager" },
    { file: "scheduler", subject: "/CN=system:kube-scheduler" },
    { file: "proxy", subject: "/CN=system:kube-proxy" },
    { file: "front-proxy", subject: "/CN=front-proxy-client" },
    ...nodes.map((ip, index) => ({
      file: `node${index + 1}`,
      subject: `/O=system:nodes/CN=system:node:node${index + 1}`,
      names: [`DNS:node${index + 1}`, `IP:${ip}`],
    })),
  ];
}

/** Users that have a kubeconfig. */
const USERS = /^(admin|controllers|scheduler|proxy|node\d)$/;
const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/**
 * A certificate authority, and what each part of the cluster shows of itself, in a folder: keys of elliptic curves, since
 * a cluster is made anew for each run and they take milliseconds. Returns the folder's kubeconfig of the administrator.
 */
export async function makePki(folder: string, addresses: Addresses): Promise<string> {
  const at = (file: string): string => path.join(folder, file);
  const authority = [
    "-x509",
    "-subj",
    "/CN=drayage-test-ca",
    "-days",
    "3650",
    "-keyout",
    at("ca.key"),
    "-out",
    at("ca.crt"),
  ];
  await must(["openssl", "req", ...EC, ...authority]);
  await must(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", at("sa.key")]);
  await must(["openssl", "pkey", "-in", at("sa.key"), "-pubout", "-out", at("sa.pub")]);
  await Promise.all(certificatesFor(addresses).map((each) => sign(each, at)));
  const users = certificatesFor(addresses).filter(({ file }) => USERS.test(file));
  await Promise.all(users.map(({ file }) => writeKubeconfig(file, `https://${addresses.control}:6443`, at)));
  return at("admin.kubeconfig");
}

async function sign({ file, subject, names = [] }: Certificate, at: (file: string) => string): Promise<void> {
  const extensions = [
    "extendedKeyUsage=clientAuth,serverAuth",
    ...(names.length > 0 ? [`subjectAltName=${names.join(",")}`] : []),
  ];
  const by = ["-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-days", "3650"];
  const added = extensions.flatMap((each) => ["-addext", each]);
  await must([
    "openssl",
    "req",
    "-x509",
    ...EC,
    ...by,
    "-subj",
    subject,
    ...added,
    "-keyout",
    at(`${file}.key`),
    "-out",
    at(`${file}.crt`),
  ]);
}

async function writeKubeconfig(user: string, server: string, at: (file: string) => string): Promise<void> {
  const read = async (file: string): Promise<string> => (await readFile(at(file))).toString("base64");
  const [ca, certificate, key] = await Promise.all([read("ca.crt"), read(`${user}.crt`), read(`${user}.key`)]);
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "world",
    clusters: [{ name: "world", cluster: { server, "certificate-authority-data": ca } }],
    users: [{ name: user, user: { "client-certificate-data": certificate, "client-key-data": key } }],
    contexts: [{ name: "world", context: { cluster: "world", user } }],
  };
  // JSON is YAML, too.
  await writeFile(at(`${user}.kubeconfig`), JSON.stringify(config), { mode: 0o600 });
}
