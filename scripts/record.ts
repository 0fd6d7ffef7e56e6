// npx tsx scripts/record.ts: docs/deploy.svg, the terminal of a first deploy. Everything in it is done for real, on a machine
// stand-in; only its address is shown as the one that the pages use.
import { cp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../packages/dray/src/base/process.ts";
import { DRAY, laptopEnv, startVm, type Vm } from "../test/world/vm.ts";
import { framesOf, type Written } from "./recording/frames.ts";
import { svgOf } from "./recording/svg.ts";

const SIZE = { cols: 96, rows: 24 };
const EXAMPLE = fileURLToPath(new URL("../examples/decisions-onnx", import.meta.url));
const COMMANDS = ["dray deploy --yes", "dray request", "dray rollback --yes"];

/** A shell script that types the commands and runs them. */
function typing(): string {
  const typed = COMMANDS.map((command) => {
    const keys = command
      .split("")
      .map((key) => `printf %s '${key}'; sleep 0.04`)
      .join("; ");
    return `printf '\\033[1m$ \\033[0m'; ${keys}; sleep 0.4; echo; ${command}; sleep 1`;
  });
  const dray = `dray() { "${process.execPath}" "${DRAY}" "$@"; }`;
  return [dray, `stty cols ${SIZE.cols} rows ${SIZE.rows}`, ...typed].join("\n");
}

/** The stand-in, by the name that a reader's own machine may have. */
async function named(vm: Vm): Promise<NodeJS.ProcessEnv> {
  const config = await readFile(path.join(vm.folder, "ssh_config"), "utf8");
  await vm.write("ssh_config", config.replace(`Host ${vm.host}`, "Host my-vm"));
  const { NO_COLOR: _none, ...env } = laptopEnv(path.join(vm.folder, "ssh_config"));
  const own = { DRAY_STATE: `${vm.folder}/state`, DRAY_CONFIG: `${vm.folder}/config`, DRAY_CONTROL_HOST: vm.address };
  return { ...env, ...own, TERM: "xterm-256color" };
}

async function shell(line: string, env: NodeJS.ProcessEnv): Promise<void> {
  const ended = await run(["sh", "-c", line], { env, signal: new AbortController().signal });
  if (ended.code !== 0) throw new Error(`${line}\n${ended.stdout}${ended.stderr}`);
}

/** What util-linux's script(1) kept of a terminal. */
async function recorded(vm: Vm, env: NodeJS.ProcessEnv): Promise<Written[]> {
  await vm.write("typing.sh", typing());
  const [out, times] = [path.join(vm.folder, "out"), path.join(vm.folder, "times")];
  const record = `cd '${vm.folder}' && script -qefc 'bash typing.sh' --log-out '${out}' --log-timing '${times}' > /dev/null`;
  await shell(record, env);
  const bytes = await readFile(out);
  // The first line is script's own.
  let at = bytes.indexOf("\n") + 1;
  const lines = (await readFile(times, "utf8")).trim().split("\n");
  return lines.map((line) => {
    const [seconds = 0, length = 0] = line.split(" ").map(Number);
    const text = bytes.subarray(at, (at += length)).toString();
    return { text: text.replaceAll(vm.address, "203.0.113.7").replaceAll(vm.host, "my-vm"), afterMs: seconds * 1000 };
  });
}

await using vm = await startVm();
await cp(EXAMPLE, vm.folder, { recursive: true });
await vm.write("dray.yaml", `service: decisions\nmachine: my-vm\nmodel: model.onnx\n`);
const env = await named(vm);
// A release to go back to.
const schema = await readFile(path.join(EXAMPLE, "schema.yaml"), "utf8");
await shell(`cd '${vm.folder}' && '${process.execPath}' '${DRAY}' deploy --yes --wait`, env);
await vm.write("schema.yaml", schema.replace("Loan decisions", "Loan decisions, version 2"));
const frames = await framesOf(await recorded(vm, env), SIZE);
const svg = svgOf(frames, SIZE, `A terminal: ${COMMANDS.join(", then ")}`);
await writeFile(fileURLToPath(new URL("../docs/deploy.svg", import.meta.url)), svg);
process.stderr.write(`docs/deploy.svg: ${frames.length} pictures, ${Math.round(svg.length / 1000)} kB\n`);
