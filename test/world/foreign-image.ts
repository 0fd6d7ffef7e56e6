import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { pack } from "tar-stream";
import { must } from "./images.ts";

/** Loads an image for another processor into the local engine; its content is of no use, and it is never started. */
export async function foreignImage(folder: string, architecture: string): Promise<string> {
  const layer = await archive([["hello", randomBytes(16)]]);
  const diff = createHash("sha256").update(layer).digest("hex");
  const config = {
    architecture,
    os: "linux",
    config: { Cmd: ["/hello"], ExposedPorts: { "8080/tcp": {} } },
    rootfs: { type: "layers", diff_ids: [`sha256:${diff}`] },
    history: [{ created_by: "test" }],
  };
  const name = `drayage-world/foreign-${diff.slice(0, 8)}:${architecture}`;
  const index = [{ Config: "config.json", RepoTags: [name], Layers: ["layer.tar"] }];
  const file = path.join(folder, "foreign.tar");
  await writeFile(
    file,
    await archive([
      ["layer.tar", layer],
      ["config.json", JSON.stringify(config)],
      ["manifest.json", JSON.stringify(index)],
    ]),
  );
  await must(["docker", "load", "-q", "-i", file]);
  return name;
}

async function archive(files: [string, string | Buffer][]): Promise<Buffer> {
  const made = pack();
  for (const [name, content] of files) made.entry({ name }, content);
  made.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of made) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
