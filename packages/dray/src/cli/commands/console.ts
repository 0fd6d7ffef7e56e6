import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { openConsole, type Served } from "drayage-console";
import { asFailure, Failure } from "../../base/failure.ts";
import { Drayage } from "../../drayage.ts";
import { subjectsOf } from "../../flows/fleet/places.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { loadManifest } from "../../yaml/load.ts";
import { define, type Run } from "../command.ts";
import { openPrivately } from "../open.ts";
import { say, sayJson, tell } from "../screen/say.ts";
import { sinceOf } from "../since.ts";
import { VERSION } from "../version.ts";

interface Flags {
  open?: boolean;
  allowChanges?: boolean;
  idle: string;
}

/** `dray console`: what runs, in a page for people who would rather look than read. */
export function addConsole(program: Command): void {
  const command = program
    .command("console")
    .description(
      "show every service of the manifests in a page, served to this computer alone until nobody looks at it",
    )
    .argument("[manifests...]", "more manifests than the one of --file")
    .option("-o, --open", "open the page in a browser")
    .option("--allow-changes", "let the page change what runs: without it, the page only reads")
    .option("--idle <time>", "end when no page was open for so long", "15m");
  define<Flags>(
    command,
    ["dray console --open", "dray console api/dray.yaml risk/dray.yaml", "dray console --open --allow-changes"],
    async (run, ...operands) => {
      const more = (operands[0] as unknown as string[] | undefined) ?? [];
      const services = await servicesOf(run, more);
      const idleMs = sinceOf(run.flags.idle, "--idle");
      const { signal } = run.context;
      await using running = await openConsole({ desk: deskOf(run, services), page: pageFolder(), idleMs, signal });
      if (run.as === "json") sayJson({ url: running.url, port: running.port });
      else say(running.url);
      await using _opened = run.flags.open === true ? await openPrivately(running.url) : undefined;
      if ((await running.ended) === "idle" && run.as === "text")
        tell(`no page was open for ${run.flags.idle}: the console has ended`);
    },
  );
}

/** The services of all the manifests; a service is named by its file, as the other commands name it. */
async function servicesOf(run: Run<Flags>, more: readonly string[]): Promise<Served<Manifest>[]> {
  const first = more.length > 0 && run.flags.file === undefined ? [] : [await run.manifest()];
  const others = await Promise.all(more.map(async (file) => await loadManifest(path.resolve(file))));
  const files = [...first.map(() => run.flags.file ?? "dray.yaml"), ...more];
  return [...first, ...others].map((manifest, index) => ({
    service: manifest.service,
    file: files[index] ?? "dray.yaml",
    target: manifest.target,
    places: subjectsOf({ manifest, ...onlyOf(run) }, run.context).map(({ place }) => place),
    manifest,
  }));
}

function onlyOf({ flags: { machine } }: Run<Flags>): { only?: string } {
  return machine === undefined ? {} : { only: machine };
}

function deskOf({ context, flags }: Run<Flags>, services: readonly Served<Manifest>[]): Desk {
  return {
    version: VERSION,
    services,
    mayChange: flags.allowChanges === true,
    // Each call has a session of its own, which ends when its page has gone.
    open: (session) => new Drayage({ ...context, ...session, startedAt: performance.now() }),
    told: (error) => {
      const { code, message, hint, details } = asFailure(error);
      return { code, message, hint, details };
    },
  };
}

type Desk = Parameters<typeof openConsole<Manifest>>[0]["desk"];

/** The built page: beside this program in the published package, in a package of its own in a checkout. @throws Failure bug */
function pageFolder(): string {
  const beside = fileURLToPath(new URL("../console/", import.meta.url));
  if (existsSync(path.join(beside, "index.html"))) return beside;
  const manifest = createRequire(import.meta.url).resolve("drayage-console/package.json");
  const folder = path.join(path.dirname(manifest), "dist", "page");
  if (existsSync(path.join(folder, "index.html"))) return folder;
  throw new Failure("bug", "this dray has no page for the console", { hint: "in a checkout: npm run build" });
}
