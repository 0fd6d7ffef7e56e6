import { readFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { selfSigned } from "./certificate.ts";
import { attack, attacks, KINDS, type Make, type Target } from "./hostile.ts";
import { type Doors, doorKinds } from "./hostile-doors.ts";
import { KEYED_IMAGE, must, prepareKeyed, vmImage } from "./images.ts";
import { laptopEnv, runDray, type Vm } from "./vm.ts";

const AT_ONCE = 48;
const KEY = "Zk3v9QpX7uRw2LmN8sTb4YcD6fGh1JaE";
/** Strangers come from many addresses: a limit for each of them must not be all that holds. */
const SOURCES = 240;
const REPLICA = fileURLToPath(new URL("images/replica.py", import.meta.url));
/** Kinds that a release which was taken over sends from inside. */
const INSIDE = ["forged datagram", "request from a replica"];

/** What came of a siege. All but the counts should be 0. */
export interface Findings {
  sent: number;
  kinds: Record<string, number>;
  /** Requests that reached a release, or somebody else, without a right to. */
  through: number;
  keeperRestarts: number;
  edgeRestarts: number;
  /** Processes of ours that are new, faults of the keeper's, and good requests that were not answered afterwards. */
  crashed: number;
  /** Times that a stranger's text came out as it was: on a terminal, in a file's name or in a configuration. */
  planted: number;
  problems: string[];
}

/** A machine with everything on that strangers can reach: keys, HTTPS, a shadow, and requests that are kept with a mask. */
export class Siege implements AsyncDisposable {
  readonly vm: Vm;
  readonly #trap: Server;
  readonly #hits: string[] = [];
  readonly doors: Doors;
  readonly #sources: readonly string[];

  private constructor(vm: Vm, trap: Server, doors: Doors, sources: readonly string[]) {
    this.vm = vm;
    this.doors = doors;
    this.#sources = sources;
    this.#trap = trap.on("connection", (socket) => {
      socket.on("error", () => undefined).on("data", (chunk) => void this.#hits.push(String(chunk).slice(0, 80)));
    });
  }

  /** Deploys, and begins to copy everything to a shadow. */
  static async lay(vm: Vm): Promise<Siege> {
    await prepareKeyed();
    const gateway = await must(["docker", "network", "inspect", vm.host, "-f", "{{(index .IPAM.Config 0).Gateway}}"]);
    const trap = createServer();
    await once(trap.listen(0, gateway), "listening");
    const listener = `${gateway}:${(trap.address() as AddressInfo).port}`;
    const siege = new Siege(vm, trap, { key: KEY, listener }, await manyAddresses(vm, gateway));
    // A stand-in behind a wire is 127.0.0.1 for dray.
    await selfSigned(siege.#certificate, path.join(vm.folder, "own.key"), `IP:${vm.address},IP:127.0.0.1`);
    await siege.#write("1");
    await siege.dray("deploy", "-y");
    await siege.#write("2");
    await siege.dray("shadow", "start", "--share", "100");
    // An edge that was reloaded has two processes until the last connection of the first one is over.
    await siege.good();
    return siege;
  }

  get #certificate(): string {
    return path.join(this.vm.folder, "own.pem");
  }

  async #write(version: string): Promise<void> {
    const lines = [
      "service: decisions",
      `machine: ${this.vm.host}`,
      `image: ${KEYED_IMAGE}`,
      "port: 8080",
      "ready: /health",
      "tls: {certificate: own.pem, key: {file: own.key}}",
      "keys: {partners: {env: PARTNER_KEY}}",
      "requests: {share: 100, mask: [income]}",
      "limits: {body: 64KiB, concurrency: 16}",
      `env: {KEYED: partners, VERSION: "${version}"}`,
    ];
    await this.vm.write("dray.yaml", `${lines.join("\n")}\n`);
  }

  /** Runs dray, which must do it. */
  async dray(...argv: string[]): Promise<string> {
    const env = { PARTNER_KEY: KEY, NODE_EXTRA_CA_CERTS: this.#certificate };
    const ended = await this.vm.drayWith(env, ...argv);
    if (ended.code !== 0) throw new Error(`dray ${argv.join(" ")}: ${ended.stderr}`);
    return ended.stdout;
  }

  /** Sends `count` attacks of the kinds, and from inside as many as of any other kind; resolves to what came of them. */
  async storm(count: number, kinds: Record<string, Make>, inside: boolean = true): Promise<Findings> {
    const startedAt = new Date().toISOString();
    const before = await processes(this.vm);
    const restarts = [await restartsOf(this.vm, "dray-keeper"), await restartsOf(this.vm, "dray-edge")] as const;
    const reached = await this.uninvited();
    this.#hits.length = 0;
    const findings = nothingYet();
    await this.#outside(count, kinds, findings);
    if (inside) await this.#inside(Math.ceil(count / Object.keys(kinds).length), findings);
    await this.#judge(findings, reached, startedAt);
    if (findings.kinds["planted"] !== undefined) note(findings, "planted", await this.#planted());
    findings.keeperRestarts = (await restartsOf(this.vm, "dray-keeper")) - restarts[0];
    findings.edgeRestarts = (await restartsOf(this.vm, "dray-edge")) - restarts[1];
    const fresh = [...(await processes(this.vm))].filter((each) => !before.has(each));
    note(
      findings,
      "crashed",
      fresh.map((each) => `a new process: ${each}`),
    );
    return findings;
  }

  async #outside(count: number, kinds: Record<string, Make>, findings: Findings): Promise<void> {
    const waiting = attacks(count, kinds);
    const target: Target = { address: this.vm.address, http: 80, https: 443 };
    const worker = async (): Promise<void> => {
      for (const one of waiting) {
        const from = this.#sources[findings.sent % this.#sources.length];
        findings.sent++;
        findings.kinds[one.kind] = (findings.kinds[one.kind] ?? 0) + 1;
        const said = await attack(one, { ...target, ...(from === undefined ? {} : { from }) });
        const words = one.invited === true ? ["own_numbers"] : ['"decision"', "own_numbers"];
        if (!words.some((word) => said.includes(word))) continue;
        note(findings, "through", [`${one.kind}: ${JSON.stringify(one.parts).slice(0, 300)}`]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  /** The same from a release's own container. */
  async #inside(count: number, findings: Findings): Promise<void> {
    const { vm, doors } = this;
    const replica = (await vm.inside("docker", "ps", "-q", "--filter", "label=dray.role=replica")).split("\n")[0] ?? "";
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
    const addresses = (await vm.inside("docker", "inspect", "dray-keeper", "-f", format)).trim().split(/ +/).join(",");
    const argv = [String(count), addresses, doors.listener];
    const script = await readFile(REPLICA, "utf8");
    const said = await vm.inside("docker", "exec", replica, "python3", "-c", script, ...argv);
    for (const kind of INSIDE) findings.kinds[kind] = count;
    findings.sent += count * INSIDE.length;
    const [, answered = "0", examples = ""] = /^answered (\d+)(.*)$/m.exec(said) ?? [];
    if (answered !== "0") note(findings, "through", [`the keeper answered a replica ${answered} times:${examples}`]);
  }

  async #judge(findings: Findings, reachedBefore: number, startedAt: string): Promise<void> {
    const { vm } = this;
    const reached = (await this.uninvited()) - reachedBefore;
    if (reached > 0) note(findings, "through", await this.#examples(), reached);
    note(
      findings,
      "through",
      this.#hits.map((hit) => `to another host: ${hit}`),
    );
    const forged = await vm.inside("sh", "-c", `cat ${VOLUME}/requests/* 2>/dev/null | grep -c forged-planted || true`);
    if (Number(forged) > 0) note(findings, "through", ["a forged datagram was kept"], Number(forged));
    const since = `docker logs --since ${startedAt} dray-keeper 2>&1`;
    const faults = await vm.inside("sh", "-c", `${since} | grep ' fault: ' | head -5 || true`);
    note(findings, "crashed", faults.split("\n").filter(Boolean));
  }

  /** Requests that reached a release without a right to, as the releases themselves say. */
  async uninvited(): Promise<number> {
    return Number(await this.vm.inside("sh", "-c", `${RELEASES} | grep -c UNAUTHENTICATED || true`));
  }

  async #examples(): Promise<string[]> {
    return (await this.vm.inside("sh", "-c", `${RELEASES} | grep -a UNAUTHENTICATED | tail -5`)).split("\n");
  }

  /** What a stranger's text did to those who look, and to what is written. */
  async #planted(): Promise<string[]> {
    const { vm } = this;
    const named = await vm.inside("sh", "-c", "find /var/lib/docker/volumes -name '*planted*' | head -5");
    const data = "--exclude-dir=requests --exclude-dir=logs --exclude='shadow-*.json'";
    const written = await vm.inside("sh", "-c", `grep -rla planted ${data} ${VOLUME} | head -5 || true`);
    const raw = await vm.inside("sh", "-c", `grep -rlaP '\\x1b[^ ]*planted' ${VOLUME}/logs | head -5 || true`);
    const found = [named, written, raw].flatMap((each) => each.split("\n").filter(Boolean));
    // A terminal of its own: on one, what containers say is shown without commands.
    const terminal = ["python3", "-c", "import pty, sys; pty.spawn(sys.argv[1:])"];
    const env = { ...laptopEnv(path.join(vm.folder, "ssh_config")), DRAY_CONTROL_HOST: vm.address, TERM: "xterm" };
    const shown = SCREENS.map(async (argv) => {
      const { stdout } = await runDray(vm.folder, env, argv, undefined, terminal);
      // oxlint-disable-next-line no-control-regex -- they are what is looked for
      return /[\x1b\x9b\r][^ \n]*planted/.test(stdout) ? [`the screen of dray ${argv.join(" ")}`] : [];
    });
    return [...found, ...(await Promise.all(shown)).flat()];
  }

  /** One good request over HTTPS, which must be answered, kept, and copied to the shadow. @throws Error */
  async good(): Promise<void> {
    const ca = await readFile(this.#certificate);
    const body = '{"income": 5200}';
    const count = (): Promise<string> => this.vm.inside("sh", "-c", `cat ${VOLUME}/requests/decisions.jsonl* | wc -l`);
    const before = await count().catch(() => "");
    for (let attempt = 0; attempt < 40; attempt++) {
      const options = { host: this.vm.address, path: "/decisions", method: "POST", ca, agent: false as const };
      const headers = { authorization: `Bearer ${KEY}`, "content-length": body.length };
      const request = https.request({ ...options, headers }).end(body);
      const [answer] = (await once(request, "response")) as [http.IncomingMessage];
      answer.resume();
      if (answer.statusCode !== 200) throw new Error(`a good request was answered ${answer.statusCode}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
      if ((await count().catch(() => before)) !== before) return;
    }
    throw new Error("a good request is not kept any more");
  }

  /** Adds to what was found whether good requests still are answered and kept. */
  async stillGood(findings: Findings): Promise<void> {
    await this.good().catch((error: unknown) => note(findings, "crashed", [String(error)]));
    await this.dray("metrics", "--json").catch((error: unknown) => note(findings, "crashed", [String(error)]));
  }

  /** Kinds from outside, all of them. */
  kinds(): Record<string, Make> {
    return { ...KINDS, ...doorKinds(this.doors) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#trap.close(resolve));
  }
}

const MOST_TOLD = 20;
/** What somebody looks at afterwards. */
const SCREENS = [["logs", "-n", "2000"], ["requests", "export"], ["shadow", "report"], ["status"], ["metrics"]];
const VOLUME = "/var/lib/docker/volumes/dray-edge/_data";
const RELEASES = 'for c in $(docker ps -aq --filter label=dray.role=replica); do docker logs "$c" 2>&1; done';

function nothingYet(): Findings {
  return {
    sent: 0,
    kinds: {},
    through: 0,
    keeperRestarts: 0,
    edgeRestarts: 0,
    crashed: 0,
    planted: 0,
    problems: [],
  };
}

function note(
  findings: Findings,
  what: "through" | "crashed" | "planted",
  said: readonly string[],
  count: number = said.length,
): void {
  findings[what] += count;
  const told = findings.problems.filter((each) => each.startsWith(what)).length;
  findings.problems.push(...said.slice(0, Math.max(0, MOST_TOLD - told)).map((each) => `${what}: ${each}`));
}

/** How often the engine started a container, as far as it says so. */
async function restartsOf(vm: Vm, container: string): Promise<number> {
  return Number(await vm.inside("docker", "inspect", container, "-f", "{{.RestartCount}}"));
}

/** Every process of ours, by its container; the wall's script waits in a new `sleep` each time. */
async function processes(vm: Vm): Promise<Set<string>> {
  const script =
    'for c in $(docker ps -a --format "{{.Names}}"); do docker top "$c" -eo pid,comm 2>&1 | sed "1d;s/^/$c /"; done';
  const lines = (await vm.inside("sh", "-c", script)).split("\n").map((line) => line.replaceAll(/ +/g, " ").trim());
  return new Set(lines.filter((line) => !line.endsWith(" sleep")));
}

/** More addresses for this computer on the machine's network, where it lets us; they go with the network. */
async function manyAddresses(vm: Vm, gateway: string): Promise<string[]> {
  const [a, b] = gateway.split(".");
  const addresses = Array.from({ length: SOURCES }, (_, index) => `${a}.${b}.77.${index + 10}`);
  const id = await must(["docker", "network", "inspect", vm.host, "-f", "{{slice .Id 0 12}}"]);
  const script = addresses.map((each) => `ip addr add ${each}/32 dev br-${id}`).join(" && ");
  const rights = ["--network", "host", "--cap-add", "NET_ADMIN"];
  return await must(["docker", "run", "--rm", ...rights, vmImage("bookworm"), "sh", "-c", script]).then(
    () => addresses,
    () => [],
  );
}
