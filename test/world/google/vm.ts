import { randomBytes } from "node:crypto";
import { must, prepareGoogle } from "../images.ts";
import { growFromSeed } from "../seed.ts";
import { RIGHTS } from "../vm.ts";
import { type Metadata, startMetadata } from "./metadata.ts";

/** The network that stands for the internet: its addresses are the external ones. */
export interface Outside extends AsyncDisposable {
  name: string;
  /** Names that machines there know, each with the certificate that it shows (a PEM file). */
  names: Map<string, string>;
  gateway: string;
  /** The n-th address that may be given away. */
  address(n: number): string;
}

export async function openOutside(): Promise<Outside> {
  const name = `dray-world-${randomBytes(4).toString("hex")}`;
  for (let attempt = 0; ; attempt++) {
    const prefix = `10.${128 + ((randomBytes(1)[0] ?? 0) % 100)}.${randomBytes(1)[0] ?? 0}`;
    try {
      await must(["docker", "network", "create", "--subnet", `${prefix}.0/24`, name]);
      return {
        name,
        names: new Map(),
        gateway: `${prefix}.1`,
        address: (n) => `${prefix}.${10 + n}`,
        [Symbol.asyncDispose]: async () => void (await must(["docker", "network", "rm", name])),
      };
    } catch (error) {
      if (attempt > 5) throw error;
    }
  }
}

/** A rule that lets something in, as the machine's network sees it. */
export interface Inlet {
  ports: string[];
  from: string[];
  denied: boolean;
}

/** A machine whose logins and first boot are the work of Google's own guest agent. */
export interface GoogleVm extends AsyncDisposable {
  metadata: Metadata;
  letIn(inlets: readonly Inlet[]): Promise<void>;
  serial(): Promise<string>;
  stop(): Promise<void>;
  start(): Promise<void>;
  inside(...argv: string[]): Promise<string>;
}

interface Wish {
  id: string;
  name: string;
  zone: string;
  project: string;
  address: string;
  attributes: Record<string, string>;
  token: string;
  noDocker: boolean;
}

export async function startGoogleVm(outside: Outside, wish: Wish): Promise<GoogleVm> {
  const container = `dray-world-${randomBytes(4).toString("hex")}`;
  const image = await prepareGoogle();
  const metadata = await startMetadata(wish, wish.attributes);
  const place = ["--hostname", wish.name, "--network", outside.name, "--ip", wish.address];
  const disk = ["-v", `${container}:/var/lib/docker`, "--tmpfs", "/run:exec"];
  const told = [
    "--add-host",
    "metadata.google.internal:169.254.169.254",
    "-e",
    `METADATA=${metadata.at(outside.gateway)}`,
  ];
  const names = [...outside.names].flatMap(([host, ca]) => {
    return ["--add-host", `${host}:${outside.gateway}`, "-v", `${ca}:/etc/docker/certs.d/${host}/ca.crt:ro`];
  });
  const lacking = wish.noDocker ? ["-e", "NO_DOCKER=yes"] : [];
  await must(["docker", "volume", "create", container]);
  // The layers that every deploy needs: that they travel to a machine that has nothing is seen on others.
  if (!wish.noDocker) await growFromSeed(container);
  await must([
    "docker",
    "run",
    "-d",
    "--name",
    container,
    ...place,
    ...disk,
    ...RIGHTS,
    ...told,
    ...names,
    ...lacking,
    image,
  ]);
  const inside = (...argv: string[]): Promise<string> => must(["docker", "exec", container, ...argv]);
  return {
    metadata,
    inside,
    letIn: async (inlets) => {
      const rules = inlets.flatMap(({ ports, from, denied }) =>
        from.flatMap((range) =>
          ports.map(
            (port) => `-A CLOUD -s ${range} -p tcp --dport ${port.replace("-", ":")} -j ${denied ? "DROP" : "ACCEPT"}`,
          ),
        ),
      );
      const lines = ["*raw", ":CLOUD - [0:0]", "-F CLOUD", ...rules, "-A CLOUD -j DROP", "COMMIT"];
      const script = `until iptables -t raw -nL CLOUD >/dev/null 2>&1; do sleep 0.1; done; printf '%s\\n' "$@" | iptables-restore -n`;
      await inside("sh", "-c", script, "sh", ...lines);
    },
    serial: () => inside("cat", "/var/log/serial.log").catch(() => ""),
    stop: async () => void (await must(["docker", "stop", "-t", "2", container])),
    start: async () => void (await must(["docker", "start", container])),
    [Symbol.asyncDispose]: async () => {
      await must(["docker", "rm", "-f", "-v", container]);
      await must(["docker", "volume", "rm", container]);
      await metadata[Symbol.asyncDispose]();
    },
  };
}
