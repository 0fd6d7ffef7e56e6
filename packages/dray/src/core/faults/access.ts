import { type Evidence, type Fault, served, shut } from "../evidence.ts";
import { outside } from "./healthy.ts";

const machineOf = (found: Evidence): string => found.target.machine ?? "the machine";
const bare = (found: Evidence): string => machineOf(found).replace(/^ssh:\/\//, "");
const host = (found: Evidence): string => bare(found).replace(/^[^@]*@/, "");

/** The operator cannot get in: what runs behind is not known, whether clients are served is. */
function lockedOut(found: Evidence, code: string): Evidence {
  const { now, target, name, route, tcp, answer } = found;
  return {
    now,
    target,
    ...(name === undefined ? {} : { name }),
    ...(route === undefined ? {} : { route }),
    ...(tcp === undefined ? {} : { tcp }),
    ...(answer === undefined ? {} : { answer }),
    ssh: { ms: 10, code, message: "" },
  };
}

function noEngine(found: Evidence, code: string): Evidence {
  const { app: _app, edge: _edge, record: _record, containerDial: _dial, ...rest } = outside(found, "refused");
  const { binds: _binds, ready: _ready, predict: _predict, ...left } = rest;
  return { ...left, loopback: { outcome: "refused", ms: 1 }, engine: { ms: 10, code, message: "" } };
}

/** Below this the engine can neither start a container nor write its log. */
const FULL = { bytes: 100e6, percent: 98 };

/** The operator's own way in: ssh and the engine. */
export const ACCESS: readonly Fault[] = [
  {
    id: "ssh-host-key-changed",
    hop: "ssh",
    title: "The machine shows another host key",
    when: (found) => found.ssh?.code === "ssh.host-key-changed",
    why: (found) =>
      `${host(found)} shows another host key than the one you know: the machine was made anew, or its address now belongs to somebody else's`,
    fix: (found) =>
      `only if you know that it was made anew: ssh-keygen -R ${host(found)}; otherwise find its new address`,
    outside: "ssh prints REMOTE HOST IDENTIFICATION HAS CHANGED; the endpoint may answer, but it need not be yours.",
    byHand: "Compare `ssh-keyscan ADDRESS` with what the provider's console or serial port shows.",
    example: (found) => lockedOut(found, "ssh.host-key-changed"),
  },
  {
    id: "ssh-host-key-unknown",
    hop: "ssh",
    title: "The machine's host key is not known yet",
    when: (found) => found.ssh?.code === "ssh.host-key-unknown",
    why: (found) => `the host key of ${host(found)} is not known yet, and nobody is here to confirm it`,
    fix: (found) => `ssh ${bare(found)} once, and compare the fingerprint`,
    outside: "The endpoint answers; only ssh asks for a confirmation.",
    byHand: "`ssh -v` ends with Host key verification failed.",
    example: (found) => lockedOut(found, "ssh.host-key-unknown"),
  },
  {
    id: "ssh-key-denied",
    hop: "ssh",
    title: "The machine accepts none of your keys",
    when: (found) => found.ssh?.code === "ssh.key-denied",
    why: (found) => `${host(found)} is there, but accepts none of your keys for this user`,
    fix: (found) =>
      `put your public key into ~/.ssh/authorized_keys there (with OS Login: gcloud compute os-login ssh-keys add), then: ssh ${bare(found)}`,
    outside: "The endpoint answers; ssh prints Permission denied (publickey).",
    byHand: "`ssh -v` lists the keys that were offered; the machine's sshd log says why it refused.",
    example: (found) => lockedOut(found, "ssh.key-denied"),
  },
  {
    id: "ssh-refused",
    hop: "ssh",
    title: "Nothing listens on the machine's ssh port",
    when: (found) => found.ssh?.code === "ssh.refused",
    why: (found) => `${host(found)} is there, but nothing listens on its ssh port`,
    fix: () =>
      "start sshd from the provider's console (sudo systemctl start ssh), or name the right port: ssh://user@host:2222",
    outside: "The endpoint answers; ssh is refused at once.",
    byHand: "`nc -vz ADDRESS 22` says refused, `nc -vz ADDRESS 80` succeeds.",
    example: (found) => lockedOut(found, "ssh.refused"),
  },
  {
    id: "ssh-unknown-host",
    hop: "ssh",
    title: "The machine's own name does not exist",
    when: (found) => found.ssh?.code === "ssh.unknown-host" && found.name?.code !== "EAI_AGAIN",
    why: (found) => `the name ${host(found)} does not resolve to an address`,
    fix: () => "check the spelling in dray.yaml, or add a Host entry with its HostName to ~/.ssh/config",
    outside: "ssh prints Could not resolve hostname; nothing is wrong with the endpoint.",
    byHand: "`getent hosts NAME` prints nothing; `ssh -G NAME` shows what ssh makes of it.",
    example: (found) => lockedOut(found, "ssh.unknown-host"),
  },
  {
    id: "ssh-timeout",
    hop: "ssh",
    title: "The ssh port does not answer, the endpoint does",
    when: (found) => found.ssh?.code === "ssh.unreachable" && !shut(found) && (found.tcp ?? []).length > 0,
    why: (found) =>
      `the endpoint's port answers, but ssh to ${host(found)} gets no answer: a firewall drops TCP 22 from here`,
    fix: () =>
      "let your address in: the provider's firewall, TCP 22 (GCE: a rule with sourceRanges that has your address, or gcloud compute ssh --tunnel-through-iap)",
    outside: "The endpoint answers; ssh waits until it gives up.",
    byHand: "`nc -vz -w 5 ADDRESS 22` times out, port 80 opens.",
    example: (found) => lockedOut(found, "ssh.unreachable"),
  },
  {
    id: "docker-missing",
    hop: "engine",
    title: "There is no Docker on the machine",
    when: (found) => found.engine?.code === "docker.missing",
    why: (found) => `Docker is not installed on ${machineOf(found)}`,
    fix: (found) => `dray machine setup ${machineOf(found)}`,
    outside: "Connections are refused: nothing can listen.",
    byHand: "`command -v docker dockerd` on the machine prints nothing.",
    example: (found) => noEngine(found, "docker.missing"),
  },
  {
    id: "docker-down",
    hop: "engine",
    title: "Docker's daemon does not run",
    when: (found) => found.engine?.code === "docker.not-running",
    why: (found) =>
      `Docker is installed on ${machineOf(found)}, but its daemon does not run, and neither do its containers`,
    fix: (found) =>
      `ssh ${bare(found)} sudo systemctl enable --now docker; when it does not start: sudo journalctl -u docker -n 20`,
    outside: "Connections are refused, although the machine answers.",
    byHand: "`docker ps` on the machine: Cannot connect to the Docker daemon.",
    example: (found) => noEngine(found, "docker.not-running"),
  },
  {
    id: "docker-permission",
    hop: "engine",
    title: "This user may not use Docker",
    when: (found) => found.engine?.code === "docker.permission",
    why: (found) =>
      `${found.machine?.user ?? "this user"} may not use Docker on ${machineOf(found)}, neither directly nor with sudo`,
    fix: (found) => `an administrator types: sudo usermod -aG docker ${found.machine?.user ?? "USER"}`,
    outside: "Nothing: the endpoint may well answer.",
    byHand: "`docker ps` on the machine: permission denied ... docker.sock.",
    example: (found) => ({
      ...noEngine(found, "docker.permission"),
      tcp: found.tcp ?? [],
      answer: found.answer ?? { outcome: "reset", ms: 1 },
    }),
  },
  {
    id: "disk-full",
    hop: "engine",
    title: "The machine's disk is full",
    when: (found) => {
      const disk = found.machine?.disk;
      return disk !== undefined && disk.freeBytes < FULL.bytes && disk.usedPercent >= FULL.percent;
    },
    why: (found) =>
      `${found.machine?.disk?.path ?? "the disk"} of ${machineOf(found)} is ${found.machine?.disk?.usedPercent} % full: Docker can neither pull nor start nor log anything${served(found) ? " (what runs already still answers)" : ""}`,
    fix: (found) => `ssh ${bare(found)} docker system df; then docker image prune -a, or a larger disk`,
    outside:
      "Running containers may go on; a deploy fails with `no space left on device`, and so does every program that writes.",
    byHand: "`df -h /var/lib/docker` on the machine says 100 %.",
    example: (found) => ({
      ...found,
      machine: {
        ...found.machine,
        disk: { path: "/var/lib/docker", freeBytes: 0, usedPercent: 100 },
      },
    }),
  },
];
