import type { Command } from "commander";
import prettyBytes from "pretty-bytes";
import { define } from "../command.ts";
import { say, sayJson } from "../screen/say.ts";

interface Flags {
  to?: string;
  tag: string;
  arch: string;
}

export function addPush(program: Command): void {
  const command = program
    .command("push")
    .description("make the image and put it into a registry: only what is not there yet")
    .argument("[image]", "image instead of the manifest's")
    .option("--to <repository>", "LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/NAME (default: registry: of the manifest)")
    .option("--tag <tag>", "its tag there", "latest")
    .option("--arch <arch>", "processor that a model's image is made for", "amd64");
  define<Flags>(
    command,
    ["dray push", "dray push my-api:2 --to europe-central2-docker.pkg.dev/my-project/models/decisions --tag 2"],
    async (run, image) => {
      const { to, tag, arch } = run.flags;
      const pushed = await run.dray.push(await run.scope(image), { to, tag, architecture: arch });
      run.screen.close();
      if (run.flags.json === true) return sayJson(pushed);
      say(`${pushed.image} is ${pushed.reference.split("@")[1]} (${prettyBytes(pushed.sent)} sent)`);
    },
  );
}
