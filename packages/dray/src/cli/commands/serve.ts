import type { Command } from "commander";
import { attach } from "../../base/process.ts";
import { serverArgv } from "../../flows/release/model.ts";
import { checkManifest } from "../../yaml/load.ts";
import { serviceNameOf } from "../../manifest/name.ts";
import { define } from "../command.ts";
import { tell } from "../screen/say.ts";

export function addServe(program: Command): void {
  const command = program
    .command("serve")
    .description("run the model's API on this computer, without Docker; it reloads when a file changes")
    .argument("[model]", "an .onnx file, where there is no manifest")
    .option("--port <n>", "port on 127.0.0.1", "8080");
  define<{ port: string }>(command, ["dray serve", "dray serve model.onnx --port 9000"], async (run, model) => {
    const manifest =
      model === undefined
        ? await run.manifest()
        : { ...checkManifest({ service: serviceNameOf(model), machine: "local", model }), folder: process.cwd() };
    const argv = await serverArgv(manifest, Number(run.flags.port), run.context);
    tell(`http://127.0.0.1:${run.flags.port}/docs    Ctrl-C ends it`);
    return await attach(argv, run.context.signal);
  });
}
