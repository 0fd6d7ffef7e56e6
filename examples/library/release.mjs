// Deploys what a manifest names, proves it, and says where it serves: node release.mjs dray.yaml
import { Drayage, Failure, loadManifest } from "drayage";

const dray = new Drayage({
  emit: (news) => {
    if (news.type === "step.done") process.stderr.write(`${news.on}: ${news.title} (${news.ms} ms)\n`);
  },
});

try {
  const scope = { manifest: await loadManifest(process.argv[2] ?? "dray.yaml") };
  const { outcomes, traces } = await dray.deploy(scope);
  for (const { machine, release, url } of outcomes) process.stdout.write(`${machine} serves ${release} at ${url}\n`);
  for (const { machine, reached } of traces)
    process.stdout.write(`${machine}: ${reached ? "the model answers" : "broken"}\n`);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stderr.write(`[${error.code}] ${error.message}\n${error.hint ?? ""}\n`);
  process.exitCode = error.exitCode;
}
