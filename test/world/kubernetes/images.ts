import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { must, vmImage } from "../images.ts";
import { worldFolder } from "../owner.ts";
import { ENVOY_FOLDER, KEPT, PROGRAMS_FOLDER, programPath } from "./build.ts";
import { ENVOY, PARTS } from "./parts.ts";

/** The images of the cluster's own pods: a program each, on Debian where it needs a C library or certificates. */
const IMAGES: Readonly<Record<string, { program: () => string; on: "nothing" | "debian" }>> = {
  pause: { program: () => path.join(PROGRAMS_FOLDER, "pause"), on: "nothing" },
  coredns: { program: () => programPath("coredns"), on: "nothing" },
  "metrics-server": { program: () => programPath("metrics-server"), on: "debian" },
  "envoy-gateway": { program: () => programPath("envoy-gateway"), on: "debian" },
  envoy: { program: () => path.join(ENVOY_FOLDER, "envoy"), on: "debian" },
};

/** As pods run it: nobody in particular. */
const USER = "65532";

/** The folder with a tar of each image, as a node imports it. Made once for all versions together. */
export async function imagesFolder(): Promise<string> {
  const key = createHash("sha256")
    .update(JSON.stringify([PARTS, ENVOY]))
    .digest("hex")
    .slice(0, 8);
  const folder = path.join(KEPT, `images-${key}`);
  if (existsSync(folder)) return folder;
  const making = `${folder}.making-${process.pid}`;
  await mkdir(making, { recursive: true });
  for (const name of Object.keys(IMAGES)) await makeImage(name, path.join(making, `${name}.tar`));
  await rename(making, folder);
  return folder;
}

async function makeImage(name: string, to: string): Promise<void> {
  const { program, on } = IMAGES[name] ?? { program: () => "", on: "nothing" };
  const tag = `drayage.test/${name}:1`;
  const folder = await worldFolder();
  try {
    await copyFile(program(), path.join(folder, name));
    await must(["sh", "-c", `chmod 755 ${folder}/${name} && mkdir -m 1777 ${folder}/tmp`]);
    if (on === "nothing") {
      const entry = `ENTRYPOINT ["/${name}"]`;
      await must(["sh", "-c", `tar -C ${folder} -c . | docker import -c 'USER ${USER}' -c '${entry}' - ${tag}`]);
    } else {
      const lines = [
        `FROM ${vmImage("bookworm")} AS certificates`,
        "FROM debian:bookworm-slim",
        "COPY --from=certificates /etc/ssl/certs /etc/ssl/certs",
        `COPY ${name} /usr/local/bin/${name}`,
        `USER ${USER}`,
        `ENTRYPOINT ["/usr/local/bin/${name}"]`,
      ];
      await must(["docker", "build", "-q", "-t", tag, "-f", "-", folder], lines.join("\n"));
    }
    await must(["docker", "save", "-o", to, tag]);
    await must(["docker", "rmi", tag]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
