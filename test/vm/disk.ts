import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { must } from "../world/images.ts";

/** What a cloud's Debian image has, and an engine. */
const PACKAGES = [
  "systemd-sysv",
  "udev",
  "dbus",
  "openssh-server",
  "linux-image-cloud-amd64",
  "docker.io",
  "iptables",
  "iproute2",
  "procps",
  "ca-certificates",
  "apparmor",
];

/** Runs in the new tree: network by DHCP, the key of the test, quick boots. */
const SET_UP = `set -e
echo dray-vm > /etc/hostname
printf '127.0.0.1 localhost dray-vm\\n' > /etc/hosts
printf '/dev/vda / ext4 defaults 0 1\\n' > /etc/fstab
printf '[Match]\\nName=e*\\n[Network]\\nDHCP=yes\\n' > /etc/systemd/network/all.network
systemctl enable systemd-networkd ssh docker
systemctl mask systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer
echo nameserver 10.0.2.3 > /etc/resolv.conf
mkdir -p -m 700 /root/.ssh && cat > /root/.ssh/authorized_keys
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*`;

/** A disk with Debian, its kernel, and the key that opens it: made once, kept in the temporary folder. */
export interface Disk {
  image: string;
  kernel: string;
  initrd: string;
  key: string;
  hostKey: string;
}

export async function makeDisk(): Promise<Disk> {
  const hash = createHash("sha256")
    .update(JSON.stringify([PACKAGES, SET_UP]))
    .digest("hex")
    .slice(0, 10);
  const folder = path.join(tmpdir(), `dray-world-disk-${hash}`);
  const at = (name: string): string => path.join(folder, name);
  if (!existsSync(folder)) await build(folder);
  return {
    image: at("disk.img"),
    kernel: at("vmlinuz"),
    initrd: at("initrd.img"),
    key: at("key"),
    hostKey: (await readFile(at("host.pub"), "utf8")).trim(),
  };
}

async function build(folder: string): Promise<void> {
  process.stderr.write("making the VM's disk: a few minutes, once\n");
  const work = await mkdtemp(`${folder}-`);
  const root = path.join(work, "root");
  const PATH = `PATH=${process.env["PATH"]}:/usr/sbin:/sbin`;
  const script = ["debootstrap", "--variant=minbase", `--include=${PACKAGES.join(",")}`, "bookworm", root];
  try {
    await mkdir(root);
    await must(["env", PATH, ...script]);
    await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path.join(work, "key")]);
    const key = await readFile(path.join(work, "key.pub"), "utf8");
    await must(["env", PATH, "chroot", root, "sh", "-c", SET_UP], key);
    await must([
      "sh",
      "-c",
      `cp ${root}/boot/vmlinuz-* ${work}/vmlinuz && cp ${root}/boot/initrd.img-* ${work}/initrd.img`,
    ]);
    await must(["cp", `${root}/etc/ssh/ssh_host_ed25519_key.pub`, `${work}/host.pub`]);
    await must(["env", PATH, "mke2fs", "-q", "-t", "ext4", "-d", root, `${work}/disk.img`, "4G"]);
    await rm(root, { recursive: true });
    await rename(work, folder);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw error;
  }
}
