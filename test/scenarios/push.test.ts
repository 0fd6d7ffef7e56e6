import { generateKeyPairSync } from "node:crypto";
import path from "node:path";
import { expect, test } from "vitest";
import { REGISTRY_HOST } from "../world/google/artifacts.ts";
import { startGoogle } from "../world/google/google.ts";
import { type Laptop, openLaptop } from "../world/google/laptop.ts";
import { appImage } from "../world/images.ts";

interface Pushed {
  image: string;
  reference: string;
  sent: number;
}

test("an image is pushed to Artifact Registry at its real name: what is missing, gone on with where it broke; refusals are named", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  const { artifacts, project } = google;
  const to = `${REGISTRY_HOST}/${project}/models/decisions`;
  await laptop.write("dray.yaml", `service: decisions\nmachine: nobody@203.0.113.9\nimage: ${appImage("1")}\n`);
  const refused = async (name: string, ...argv: string[]): Promise<string> => {
    const ended = await laptop.dray("push", "--to", to, ...argv);
    expect(ended.stderr).toContain(`[${name}]`);
    expect(ended.stderr).not.toContain(google.token);
    return ended.stderr;
  };
  expect(await refused("registry.no-repository")).toContain("gcloud artifacts repositories create models");
  // A login that is taken says nothing of the right to push.
  artifacts.rights.set(`${project}/models`, ["pull"]);
  expect(await refused("registry.denied")).toContain("--role roles/artifactregistry.writer");
  const good = google.token;
  google.token = "token-of-an-hour-ago";
  expect(await refused("registry.unauthorized")).toContain("gcloud auth login");
  google.token = good;

  artifacts.rights.set(`${project}/models`, ["pull", "push"]);
  // Half of a layer arrives, and what is sent again is the other half; the registry's own token ends in between.
  artifacts.cutAfter = 400_000;
  artifacts.expired = 1;
  const first = await laptop.json<Pushed>("push", "--to", to);
  expect(first.reference).toMatch(new RegExp(`^${to}@sha256:`));
  expect(first.sent).toBeGreaterThan(1_000_000);
  expect([artifacts.cutAfter, artifacts.expired <= 0]).toEqual([undefined, true]);
  expect((await laptop.json<Pushed>("push", "--to", to)).sent).toBe(0);
  // Of another release only what is new.
  const second = await laptop.json<Pushed>("push", appImage("2"), "--to", to, "--tag", "2");
  expect(second.sent).toBeLessThan(first.sent / 10);
});

test("with registry: in the manifest a new machine pulls what was pushed, with this computer's login, which stays nowhere", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  const { artifacts, project } = google;
  artifacts.rights.set(`${project}/models`, ["pull", "push"]);
  const { external, ssh } = await laptop.json<{ external: string; ssh: string }>(
    "machine",
    "create",
    "jkowalski-vm",
    "-y",
  );
  const registry = `${REGISTRY_HOST}/${project}/models`;
  await laptop.write(
    "dray.yaml",
    `service: decisions\nmachine: ${ssh}\nimage: ${appImage("1")}\nregistry: ${registry}\ntls: off\nready: /health\n`,
  );
  const plan = await laptop.dray("plan");
  expect(plan.stdout).toContain("pull");
  const deployed = await laptop.dray("deploy", "-y");
  expect(deployed.code, deployed.stderr).toBe(0);
  expect(deployed.stderr).toContain(`push to ${registry}/decisions`);
  expect((await fetch(`http://${external}/decisions`, { method: "POST", body: "{}" })).status).toBe(200);
  const vm = google.compute.vms.get("jkowalski-vm");
  // A token that ends in the middle of a pull: the rest is pulled with another.
  await vm?.inside("sh", "-c", "docker rmi -f $(docker images -q dray/decisions) || true");
  artifacts.given = 0;
  artifacts.endedTokens = [5];
  const late = await laptop.dray("deploy", appImage("2"), "-y");
  expect(late.code, late.stderr).toBe(0);
  expect(artifacts.given).toBeGreaterThan(5);
  // Without a login here, the machine has one of its own: its service account.
  artifacts.endedTokens = [];
  laptop.env["GOOGLE_OAUTH_ACCESS_TOKEN"] = "";
  laptop.env["CLOUDSDK_CONFIG"] = laptop.folder;
  await laptop.write(
    "dray.yaml",
    `service: decisions\nmachine: ${ssh}\nimage: ${registry}/decisions:${await tagOf(laptop)}\ntls: off\nready: /health\n`,
  );
  const own = await laptop.dray("deploy", "-y");
  expect(own.code, own.stderr).toBe(0);
  const planted = await vm?.inside(
    "sh",
    "-c",
    `grep -rls '${google.token}' /root /home /etc /tmp /var/log /var/lib/docker/containers /var/lib/docker/volumes || true`,
  );
  expect(planted).toBe("");
  expect(deployed.stdout + deployed.stderr).not.toContain(google.token);
});

test("with a service account's key, and at Google's real names: nothing is told where to go", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  google.artifacts.rights.set(`${google.project}/models`, ["pull", "push"]);
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = {
    type: "service_account",
    project_id: google.project,
    private_key_id: "k",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    client_email: `me@${google.project}.iam.gserviceaccount.com`,
    token_uri: "https://oauth2.googleapis.com/token",
  };
  await laptop.write("sa.json", JSON.stringify(key));
  for (const name of Object.keys(laptop.env)) if (/^(CLOUDSDK_|GOOGLE_)/.test(name)) delete laptop.env[name];
  laptop.env["GOOGLE_APPLICATION_CREDENTIALS"] = path.join(laptop.folder, "sa.json");
  laptop.env["CLOUDSDK_CONFIG"] = laptop.folder;
  await laptop.write(
    "dray.yaml",
    `service: decisions\nmachine: nobody@203.0.113.9\nimage: ${appImage("1")}\nregistry: ${REGISTRY_HOST}/${google.project}/models\n`,
  );
  expect(await laptop.json("machine", "ls", "--cloud", "gce")).toEqual([]);
  expect((await laptop.json<Pushed>("push")).sent).toBeGreaterThan(0);
  const status = await laptop.dray("status", "--target", "vertex");
  expect(status.stdout, status.stderr).toContain("nothing is deployed: nothing is billed");
  expect(google.rejected).toEqual([]);
});

/** The tag of the live release's image, as status tells it. */
async function tagOf(laptop: Laptop): Promise<string> {
  const [machine] = await laptop.json<{ services: { releases: { image: string; traffic: boolean }[] }[] }[]>("status");
  const image = machine?.services[0]?.releases.find(({ traffic }) => traffic)?.image ?? "";
  return image.split(":").pop() ?? "";
}
