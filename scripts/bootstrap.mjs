// Sets up what the demo and the tests need on a fresh Debian machine, saying so, then runs the file named.
// Plain JavaScript: it runs before npm ci.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const sudo = process.getuid?.() === 0 ? [] : ["sudo"];
const say = (text) => process.stderr.write(`${text}\n`);

function run(argv, options = {}) {
  const [program, ...rest] = argv;
  const ended = spawnSync(program, rest, { stdio: ["ignore", 2, 2], ...options });
  if (ended.status !== 0) {
    say(`failed: ${argv.join(" ")}`);
    process.exit(1);
  }
}

const works = (argv) => spawnSync(argv[0], argv.slice(1), { stdio: "ignore" }).status === 0;
const PROGRAMS = {
  dockerd: "docker.io",
  debootstrap: "debootstrap",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  iptables: "iptables",
  ...(process.argv.includes("--vm") ? { "qemu-system-x86_64": "qemu-system-x86", mke2fs: "e2fsprogs" } : {}),
  // The tests open the model server's page in a browser.
  ...(process.argv[2] === "--prepare" && !process.env.CHROMIUM ? { chromium: "chromium" } : {}),
};

async function docker() {
  const missing = Object.entries(PROGRAMS).filter(
    ([program]) => !works(["sh", "-c", `PATH=$PATH:/usr/sbin:/sbin command -v ${program}`]),
  );
  const engine = works(["docker", "version"]);
  const wanted = [
    ...new Set(missing.filter(([program]) => !(engine && program === "dockerd")).map(([, name]) => name)),
  ];
  if (wanted.length > 0 && existsSync("/usr/bin/apt-get")) {
    say(`installing from Debian: ${wanted.join(", ")}`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    run([...sudo, "apt-get", "update", "-qq"], { env });
    run([...sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", ...wanted, "ca-certificates"], { env });
  }
  if (works(["docker", "version"])) return;
  say("starting the Docker Engine");
  const log = openSync("/tmp/drayage-dockerd.log", "a");
  spawn([...sudo, "dockerd"][0], [...sudo, "dockerd"].slice(1), {
    detached: true,
    stdio: ["ignore", log, log],
    // It outlives the run that starts it, so it is not one of its processes.
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, DRAY_WORLD_OWNER: undefined },
  }).unref();
  for (let second = 0; second < 60; second++) {
    if (works(["docker", "version"])) return;
    await sleep(1000);
  }
  say("the Docker Engine did not start; see /tmp/drayage-dockerd.log");
  process.exit(1);
}

/** Whether what is installed lacks something of the lock file: a checkout moves on, and what lies beside it does not. */
function isStale() {
  const packagesOf = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
  if (!existsSync("node_modules/.package-lock.json")) return true;
  const there = packagesOf("node_modules/.package-lock.json");
  return Object.entries(packagesOf("package-lock.json")).some(
    ([at, { version, optional }]) =>
      at.startsWith("node_modules/") && optional !== true && (there[at]?.version !== version || !existsSync(at)),
  );
}

await docker();
if (isStale()) run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
run(["npm", "run", "--silent", "build"]);
const demo = process.argv[2]?.startsWith("demo/") ? ["demo"] : [];
// Two runs that begin at once make the images and the seed once; the kernel opens the lock of one that was killed.
const lock = works(["flock", "--version"]) ? ["flock", "-o", "/tmp/drayage-prepare.lock"] : [];
run([...lock, "node_modules/.bin/tsx", "test/world/prepare.ts", ...demo]);
if (process.argv[2] !== "--prepare") {
  const [file, ...rest] = process.argv.slice(2);
  const ended = spawnSync("node_modules/.bin/tsx", [file, ...rest], { stdio: "inherit" });
  process.exit(ended.status ?? 1);
}
