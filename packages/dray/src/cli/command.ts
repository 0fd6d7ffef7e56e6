import { TARGET_KINDS, NEEDS_NO_MACHINE } from "../yaml/schema.ts";
import type { Scope } from "../flows/fleet/places.ts";
import { stopped } from "../flows/runs/run.ts";
import type { VerbSession } from "../contract/target.ts";
import { Drayage } from "../drayage.ts";
import { setMaxListeners } from "node:events";
import path from "node:path";
import { type Command, Option } from "commander";
import { asFailure, Failure } from "../base/failure.ts";
import { checkManifest, loadManifest, MANIFEST_FILE } from "../yaml/load.ts";
import type { Manifest } from "../manifest/schema.ts";
import { failureJson, failureText } from "./screen/failure.ts";
import { sayJson, tell } from "./screen/say.ts";
import { jsonScreen, lineScreen, liveScreen, type Screen } from "./screen/screen.ts";

/** Flags every command has. */
export interface Common {
  file?: string;
  environment?: string;
  machine?: string;
  target?: string;
  service?: string;
  json?: boolean;
  acceptNewHostKey?: boolean;
}

/** What a command's action is handed. */
export interface Run<Flags> {
  flags: Flags & Common;
  dray: Drayage;
  context: VerbSession;
  /** How results are printed. */
  as: "json" | "text";
  manifest: (image?: string) => Promise<Manifest>;
  /** The manifest's service, everywhere or at the place that `--machine` names. */
  scope: (image?: string) => Promise<Scope>;
  /** The service of one environment of the manifest, everywhere. */
  scopeIn: (environment: string) => Promise<Scope>;
  screen: Screen;
}

/** When this process began, on the clock of `performance.now()`: the user counts from there. */
const PROCESS_START = 0;

/** Gives a command the common flags, examples, signals, a screen, and exit codes. */
export function define<Flags extends object>(
  command: Command,
  examples: readonly string[],
  act: (run: Run<Flags>, ...args: (string | undefined)[]) => Promise<number | void>,
): void {
  command
    .option("--file <dray.yaml>", "the manifest (default: dray.yaml here)")
    .addOption(new Option("-e, --environment <name>", "which of the manifest's environments").env("DRAY_ENVIRONMENT"))
    .option("-m, --machine <name>", "only this machine; without a manifest: user@host")
    .option("-s, --service <name>", "the service, where there is no manifest")
    .addOption(new Option("--target <target>", "instead of the manifest's").choices(TARGET_KINDS))
    .option("--json", "result as JSON on stdout, events as JSON lines on stderr")
    .addOption(new Option("--accept-new-host-key", "trust a host key that is not known yet"))
    .addHelpText("after", `\nExamples:\n${examples.map((example) => `  $ ${example}`).join("\n")}`);
  command.action(async (...all: unknown[]) => {
    const args = all.slice(0, -2) as (string | undefined)[];
    const flags = command.opts<Flags & Common>();
    process.exitCode = await perform(flags, (run) => act(run, ...args));
  });
}

/** An image, and what stands behind `--`: commander itself does not tell one from the other. @throws Failure usage.invalid */
export function operandsOf(command: Command): { image?: string; args: string[] } {
  const typed = (command.parent as unknown as { rawArgs: string[] } | null)?.rawArgs ?? [];
  const dashes = typed.indexOf("--");
  const args = dashes === -1 ? [] : typed.slice(dashes + 1);
  const [image, extra] = command.args.slice(0, command.args.length - args.length);
  if (extra !== undefined)
    throw new Failure("usage.invalid", `one image is enough: what is ${extra} for?`, {
      hint: "arguments of the container stand behind --: dray deploy IMAGE -- --model NAME",
    });
  return { ...(image === undefined ? {} : { image }), args };
}

async function perform<Flags extends Common>(
  flags: Flags,
  act: (run: Run<Flags>) => Promise<number | void>,
): Promise<number> {
  const screen = flags.json === true ? jsonScreen() : process.stderr.isTTY ? liveScreen() : lineScreen();
  const stop = new AbortController();
  // Everything that a command does at once waits for this one.
  setMaxListeners(0, stop.signal);
  const onSignal = (): void => {
    // The first one takes back what was begun; whoever insists gets out at once.
    if (stop.signal.aborted) process.exit(130);
    tell("stopping and taking back what was begun; once more to quit at once");
    stop.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const hostKeys = flags.acceptNewHostKey === true ? "accept-new" : "known-only";
  const dray = new Drayage({ signal: stop.signal, emit: screen.emit, startedAt: PROCESS_START, hostKeys });
  const manifest = (image?: string): Promise<Manifest> => manifestFor(flags, image);
  try {
    const code = await act({
      flags,
      dray,
      context: dray.session,
      as: flags.json === true ? "json" : "text",
      manifest,
      scope: async (image) => scopeOf(await manifest(image), flags),
      scopeIn: async (environment) => ({ manifest: await manifestFor({ ...flags, environment }, undefined) }),
      screen,
    });
    screen.close();
    return code ?? 0;
  } catch (error) {
    screen.close();
    const failure = stop.signal.aborted ? stopped() : asFailure(error);
    if (flags.json === true) sayJson(failureJson(failure));
    else tell(failureText(failure));
    return failure.exitCode;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

/** Its service, everywhere or at one place. */
function scopeOf(manifest: Manifest, { machine }: Common): Scope {
  return { manifest, ...(machine === undefined ? {} : { only: machine }) };
}

/** The manifest of the file, with what the command line says on top; or made from the command line alone. */
async function manifestFor(flags: Common & { port?: string }, image: string | undefined): Promise<Manifest> {
  const { machine, service, file, environment } = flags;
  const target = flags.target === undefined ? {} : { target: flags.target };
  const placed = machine !== undefined || NEEDS_NO_MACHINE.includes(flags.target ?? "");
  if (file === undefined && placed && service !== undefined) {
    const raw = {
      service,
      ...(machine === undefined ? {} : { machine }),
      ...target,
      ...sourceNamed(image),
      ...(flags.port === undefined ? {} : { port: Number(flags.port) }),
    };
    return { ...checkManifest(raw), folder: process.cwd() };
  }
  const loaded = { ...(await loadManifest(path.resolve(file ?? MANIFEST_FILE), environment)), ...target };
  return image === undefined
    ? loaded
    : { ...loaded, image: undefined, build: undefined, model: undefined, ...sourceNamed(image) };
}

/** An image's name, or an .onnx file. */
function sourceNamed(word: string | undefined): { image?: string; model?: string } {
  if (word === undefined) return {};
  return word.endsWith(".onnx") ? { model: word } : { image: word };
}
