import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { within } from "drayage-clock";
import { type Ended, run } from "../../packages/dray/src/base/process.ts";
import { CACHE, must } from "../world/images.ts";
import { freePort } from "../world/ports.ts";
import { DRAY } from "../world/vm.ts";
import { makeDisk } from "./disk.ts";

/** A real virtual machine: its own kernel, systemd and engine. Without KVM it is about ten times slower than a real one. */
export interface QemuVm extends AsyncDisposable {
  /** What the manifest calls it. */
  host: string;
  folder: string;
  /** Its ports 80 and 443, on this computer's loopback. */
  http: number;
  https: number;
  dray(...argv: string[]): Promise<Ended>;
  /** Starts dray and kills it (-9) `ms` after a line of its stderr fits. */
  drayKilledAfter(line: RegExp, ms: number, ...argv: string[]): Promise<void>;
  write(name: string, content: string): Promise<void>;
  inside(command: string): Promise<string>;
  /** As an operator would, and as a power cut would. Both resolve when ssh answers again. */
  reboot(): Promise<void>;
  powerCut(): Promise<void>;
}

const BOOT_MS = 240_000;

export async function startQemu(): Promise<QemuVm> {
  const disk = await makeDisk();
  const folder = await mkdtemp(path.join(tmpdir(), "dray-world-"));
  const [ssh, http, https] = [await freePort(), await freePort(), await freePort()];
  const forward = [
    [ssh, 22],
    [http, 80],
    [https, 443],
  ].map(([from, to]) => `hostfwd=tcp:127.0.0.1:${from}-:${to}`);
  const monitor = path.join(folder, "monitor");
  const flags = [
    "-accel tcg,thread=multi -smp 2 -m 2048 -cpu max -display none -snapshot",
    `-kernel ${disk.kernel} -initrd ${disk.initrd}`,
    `-drive file=${disk.image},if=virtio,format=raw`,
    // Nothing outside can be reached from it.
    `-netdev user,id=net,restrict=on,${forward.join(",")} -device virtio-net-pci,netdev=net`,
    `-serial file:${folder}/console.log -monitor unix:${monitor},server,nowait`,
  ];
  const append = ["-append", "root=/dev/vda rw console=ttyS0 panic=-1"];
  const machine = spawn("qemu-system-x86_64", [...flags.join(" ").split(" "), ...append]);
  const host = "dray-qemu";
  await writeFile(path.join(folder, "known_hosts"), `${host} ${disk.hostKey}\n`);
  const config = path.join(folder, "ssh_config");
  const lines = [
    "HostName 127.0.0.1",
    `Port ${ssh}`,
    `HostKeyAlias ${host}`,
    "User root",
    `IdentityFile ${disk.key}`,
    "IdentitiesOnly yes",
    `UserKnownHostsFile ${folder}/known_hosts`,
  ];
  await writeFile(config, `Host ${host}\n${lines.map((line) => `  ${line}\n`).join("")}`);
  const inside = (command: string): Promise<string> =>
    must(["ssh", "-F", config, "-o", "ConnectTimeout=5", host, command]);
  const env = {
    ...process.env,
    DRAY_SSH_CONFIG: config,
    DRAY_CONTROL_HOST: "127.0.0.1",
    DRAY_CACHE: CACHE,
    NO_COLOR: "1",
  };
  /** Another boot than the one of before. */
  const booted = async (before: string): Promise<void> => {
    const until = performance.now() + BOOT_MS;
    for (;;) {
      const now = await inside("cat /proc/sys/kernel/random/boot_id && docker version >/dev/null").catch(() => before);
      if (now !== before) return;
      if (performance.now() > until) throw new Error(`no boot within ${BOOT_MS / 1000} s: see ${folder}/console.log`);
      await sleep(1000);
    }
  };
  const again = async (act: () => Promise<unknown>): Promise<void> => {
    const before = await inside("cat /proc/sys/kernel/random/boot_id");
    await act();
    await booted(before);
  };
  await booted("");
  return {
    host,
    folder,
    http,
    https,
    dray: (...argv) =>
      within(600_000, undefined, (signal) => run([process.execPath, DRAY, ...argv], { cwd: folder, env, signal })),
    drayKilledAfter: async (line, ms, ...argv) => {
      const child = spawn(process.execPath, [DRAY, ...argv], { cwd: folder, env });
      let said = "";
      child.stderr.on("data", (chunk) => {
        said += String(chunk);
        if (line.test(said)) setTimeout(() => child.kill("SIGKILL"), ms);
      });
      const [code] = await once(child, "close");
      if (code !== null) throw new Error(`it ended by itself, with ${String(code)}: ${said}`);
    },
    write: (file, content) => writeFile(path.join(folder, file), content),
    inside,
    reboot: () => again(() => inside("systemctl reboot").catch(() => "the link broke, as it should")),
    powerCut: () => again(() => tell(monitor, "system_reset")),
    [Symbol.asyncDispose]: async () => {
      machine.kill("SIGKILL");
      await once(machine, "close");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One command for qemu's monitor. */
async function tell(monitor: string, command: string): Promise<void> {
  const socket = connect(monitor);
  await once(socket, "connect");
  socket.write(`${command}\n`);
  await sleep(500);
  socket.destroy();
}
