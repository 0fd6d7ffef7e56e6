import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { runDray } from "../world/vm.ts";

const { DRAY_LIVE_PROJECT: project = "", DRAY_LIVE_REGISTRY: registry = "" } = process.env;
const zone = process.env["DRAY_LIVE_ZONE"] ?? "us-central1-a";

/** In a real project, with this computer's own login: it costs some cents, and takes half an hour. */
test.skipIf(project === "" || registry === "")(
  "the lecture in a real project: machine, registry, Vertex AI; all of it is taken away again",
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "dray-live-"));
    const name = `dray-live-${randomBytes(3).toString("hex")}`;
    const env = { ...process.env, GOOGLE_CLOUD_PROJECT: project, NO_COLOR: "1" };
    const dray = async (...argv: string[]): Promise<string> => {
      const ended = await runDray(folder, env, argv);
      expect(ended.code, `dray ${argv.join(" ")}\n${ended.stdout}${ended.stderr}`).toBe(0);
      return ended.stdout;
    };
    const region = zone.replace(/-[a-z]$/, "");
    const golden = [{ request: { method: "POST", path: "/decisions", body: {} }, expect: { status: 200 } }];
    await writeFile(path.join(folder, "golden.json"), JSON.stringify(golden));
    const write = (machine: string): Promise<void> =>
      writeFile(
        path.join(folder, "dray.yaml"),
        `service: ${name}\nmachine: ${machine}\nimage: ${appImage("1")}\nregistry: ${registry}\nready: /health\nvertex: {region: ${region}}\n`,
      );
    await write("nobody@203.0.113.7");
    try {
      const made = await dray("machine", "create", name, "--zone", zone, "-y");
      await write(/machine: (\S+) in dray\.yaml/.exec(made)?.[1] ?? "");
      await dray("deploy", "-y");
      expect(await dray("request")).toContain("-> 200");
      await dray("deploy", "--target", "vertex", "-y");
      expect(await dray("request", "--target", "vertex")).toContain("POST -> 200");
      await dray("compare", "--measure");
    } finally {
      await runDray(folder, env, ["remove", "--target", "vertex", "-y"]);
      await runDray(folder, env, ["machine", "rm", name, "-y"]);
      await rm(folder, { recursive: true });
    }
  },
);
