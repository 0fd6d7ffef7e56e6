import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { within } from "drayage-clock";
import { run } from "../../../packages/dray/src/base/process.ts";
import { appImage } from "../images.ts";
import { REGISTRY_HOST } from "./artifacts.ts";
import { type Google, startGoogle } from "./google.ts";
import { type Laptop, openLaptop } from "./laptop.ts";

type Change = Google["changes"][number];

/** What gcloud sent, recorded here: the judge on a computer without gcloud. `DRAY_RECORD=1` writes it anew. */
const RECORDED = fileURLToPath(new URL("gcloud.json", import.meta.url));
const NAME = "jkowalski-vm";
const PREDICT = "/decisions";

/** How what dray asks of Google differs from what gcloud asks, and what of it Google's own types refuse. */
export interface Compared {
  requestsChecked: number;
  rejected: string[];
  gcloudChecked: number;
  gcloudRejected: string[];
  goldens: number;
  diffs: string[];
}

/** `all`: what dray does there, and gcloud where it is installed; `ours`: what was recorded of gcloud judges; `glance`: one question. */
export async function compareWithGcloud(
  what: "all" | "ours" | "glance",
  say: (line: string) => void,
): Promise<Compared> {
  const ours = await ask(what === "glance" ? glance : oursBy, say);
  const here = what === "all" && (await hasGcloud());
  const theirs = here ? await ask(gcloudBy, say) : undefined;
  if (theirs !== undefined && process.env["DRAY_RECORD"] !== undefined)
    await writeFile(RECORDED, `${JSON.stringify(theirs.changes, undefined, 2)}\n`);
  const golden = theirs?.changes ?? (JSON.parse(await readFile(RECORDED, "utf8")) as Change[]);
  return {
    requestsChecked: ours.checked,
    rejected: ours.rejected,
    gcloudChecked: theirs?.checked ?? 0,
    gcloudRejected: theirs?.rejected ?? [],
    goldens: golden.length,
    diffs: diffsOf(ours.changes, golden),
  };
}

async function hasGcloud(): Promise<boolean> {
  const version = within(60_000, undefined, (signal) => run(["gcloud", "--version"], { signal }));
  return (await version.catch(() => undefined))?.code === 0;
}

interface Asked {
  checked: number;
  rejected: string[];
  changes: Change[];
}

async function ask(
  act: (google: Google, laptop: Laptop, say: (line: string) => void) => Promise<void>,
  say: (line: string) => void,
): Promise<Asked> {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  google.artifacts.rights.set(`${google.project}/models`, ["pull", "push"]);
  await act(google, laptop, say);
  const base = new RegExp(`"http://127\\.0\\.0\\.1:\\d+/compute/v1/`, "g");
  const plain = JSON.parse(
    JSON.stringify(google.changes)
      .replaceAll(base, '"')
      .replaceAll(`projects/${google.project}/`, "")
      .replaceAll(/10\.\d+\.\d+\.\d+/g, "ADDRESS")
      .replaceAll(/sha256:[0-9a-f]{64}/g, "DIGEST")
      .replaceAll(/endpoints\/\d+/g, "endpoints/ID")
      .replaceAll(/"9\d{4}"/g, '"DEPLOYED"'),
  ) as Change[];
  const asked = plain.filter(({ name }) => !/\/wait$|operations\//.test(name));
  return { checked: google.seen.length, rejected: google.rejected, changes: asked };
}

async function must(laptop: Laptop, say: (line: string) => void, ...argv: string[]): Promise<void> {
  say(`dray ${argv.join(" ")}`);
  const ended = await laptop.dray(...argv);
  if (ended.code !== 0)
    throw new Error(`dray ${argv.join(" ")} ended with ${ended.code}\n${ended.stdout}${ended.stderr}`);
}

/** One question, to see that the whole apparatus runs. */
async function glance(_google: Google, laptop: Laptop, say: (line: string) => void): Promise<void> {
  await must(laptop, say, "machine", "ls", "--cloud", "gce");
}

async function oursBy(google: Google, laptop: Laptop, say: (line: string) => void): Promise<void> {
  const registry = `registry: ${REGISTRY_HOST}/${google.project}/models\n`;
  const manifest = (version: string): Promise<void> =>
    laptop.write(
      "dray.yaml",
      `service: decisions\ntarget: vertex\nimage: ${appImage(version)}\nready: /health\n${registry}`,
    );
  await must(laptop, say, "machine", "create", NAME, "-y");
  await must(laptop, say, "machine", "ls", "--cloud", "gce");
  await must(laptop, say, "machine", "stop", NAME);
  await must(laptop, say, "machine", "start", NAME);
  await manifest("1");
  await must(laptop, say, "deploy", "-y");
  await must(laptop, say, "request");
  await must(laptop, say, "status");
  await must(laptop, say, "logs");
  await manifest("2");
  await must(laptop, say, "deploy", "-y");
  await must(laptop, say, "rollback", "-y");
  await must(laptop, say, "remove", "-y");
  await must(laptop, say, "machine", "rm", NAME, "-y");
}

async function gcloudBy(google: Google, laptop: Laptop, say: (line: string) => void): Promise<void> {
  await laptop.write("token", google.token);
  await laptop.write("dray.yaml", `service: decisions\nmachine: a@b\nimage: ${appImage("1")}\n`);
  const { folder, env } = laptop;
  const settings = {
    CLOUDSDK_CONFIG: `${folder}/gcloud`,
    CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: `${folder}/token`,
    CLOUDSDK_CORE_PROJECT: google.project,
    CLOUDSDK_CORE_DISABLE_PROMPTS: "1",
    CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: "1",
    CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: "1",
  };
  const gcloud = async (line: string): Promise<void> => {
    say(`gcloud ${line}`);
    const options = { env: { ...env, ...settings }, cwd: folder };
    const ended = await within(120_000, undefined, (signal) =>
      run(["gcloud", ...line.split(" "), "--quiet"], { ...options, signal }),
    );
    if (ended.code !== 0) throw new Error(`gcloud ${line} ended with ${ended.code}\n${ended.stderr.slice(-1500)}`);
  };
  const { compute, vertex } = google;
  const where = "--zone us-central1-a";
  await gcloud(`compute addresses create ${NAME} --region us-central1`);
  await gcloud(
    "compute firewall-rules create drayage-web --network default --direction INGRESS --priority 1000 --source-ranges 0.0.0.0/0 --target-tags drayage-web --allow tcp:80,tcp:443",
  );
  const address = compute.addresses.get(NAME)?.["address"] as string;
  await gcloud(
    `compute instances create ${NAME} ${where} --machine-type e2-small --labels drayage=${NAME} --tags drayage-web --address ${address} --image-family debian-12 --image-project debian-cloud --boot-disk-size 20GB --boot-disk-type pd-balanced --metadata enable-guest-attributes=TRUE,block-project-ssh-keys=TRUE,enable-oslogin=FALSE --scopes storage-ro,logging-write,monitoring-write`,
  );
  await gcloud(`compute instances stop ${NAME} ${where}`);
  await gcloud(`compute instances start ${NAME} ${where}`);

  const image = `${REGISTRY_HOST}/${google.project}/models/decisions`;
  const { reference } = await laptop.json<{ reference: string }>("push", "--to", image);
  const region = "--region us-central1";
  await gcloud(
    `ai models upload ${region} --model-id decisions --display-name decisions --labels drayage=decisions --container-image-uri ${reference} --container-predict-route ${PREDICT} --container-health-route /health --container-ports 8080`,
  );
  await gcloud(`ai endpoints create ${region} --display-name decisions --labels drayage=decisions`);
  const [endpoint = ""] = vertex.endpoints.keys();
  const node = "--machine-type n1-standard-2 --min-replica-count 1 --max-replica-count 1 --enable-access-logging";
  await gcloud(
    `ai endpoints deploy-model ${endpoint} ${region} --model decisions@1 --display-name r1 ${node} --traffic-split 0=100`,
  );
  const deployed = vertex.endpoints.get(endpoint)?.deployedModels[0]?.id ?? "";
  await gcloud(`ai endpoints update ${endpoint} ${region} --traffic-split ${deployed}=100`);
  await gcloud(`ai endpoints undeploy-model ${endpoint} ${region} --deployed-model-id ${deployed}`);
  await gcloud(`ai endpoints delete ${endpoint} ${region}`);
  await gcloud(`ai models delete decisions ${region}`);
  await gcloud(`compute instances delete ${NAME} ${where}`);
  await gcloud(`compute addresses delete ${NAME} --region us-central1`);
  await gcloud("compute firewall-rules delete drayage-web");
}

/** What one of the two says and the other leaves to Google's default, or what is dray's own. */
const ALLOWED = [
  // gcloud writes defaults out.
  /canIpForward|deletionProtection|scheduling|spot|disableContainerLogging|disks\.0\.(mode|type)$|shieldedInstanceConfig/,
  // So does dray, where they matter to it.
  /addressType|networkTier|requestId|metadata\.items|labels|description|dedicatedEndpoint|clientConnection|etag/,
  /containerSpec\.(env|startupProbe|deploymentTimeout)|version(Aliases|Description)|deployedModel\.displayName|accessConfigs\.0\.name/,
  // A firewall rule's ports together, or one by one; an image's family by either of its two names.
  /^allowed\.|sourceImage$/,
  // A release is deployed as the version that it is.
  /deployedModel\.model$/,
];

/** Each of gcloud's changes has one of ours for the same thing, with the same values where both say something. */
function diffsOf(ours: readonly Change[], theirs: readonly Change[]): string[] {
  return theirs.flatMap((golden) => {
    const same = ours.filter(({ name }) => name === golden.name).map((mine) => bodyDiffs(mine, golden));
    // Of several the one that is meant: a later version of a model, say, is asked for in other words than the first.
    return same.toSorted((a, b) => a.length - b.length)[0] ?? [`${golden.name}: dray never asks that`];
  });
}

function bodyDiffs(ours: Change, theirs: Change): string[] {
  const [mine, other] = [leaves(ours.body), leaves(theirs.body)];
  return [...new Set([...mine.keys(), ...other.keys()])].flatMap((path) => {
    if (mine.get(path) === other.get(path) || ALLOWED.some((allowed) => allowed.test(path))) return [];
    return [`${theirs.name} ${path}: dray ${mine.get(path) ?? "nothing"}, gcloud ${other.get(path) ?? "nothing"}`];
  });
}

/** A body as paths and values. */
function leaves(value: unknown, at: string = ""): Map<string, string> {
  if (typeof value !== "object" || value === null)
    return new Map(value === undefined ? [] : [[at, JSON.stringify(value)]]);
  return new Map(Object.entries(value).flatMap(([key, item]) => [...leaves(item, at === "" ? key : `${at}.${key}`)]));
}
