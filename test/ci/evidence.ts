// What a failed test leaves behind for whoever reads the end of the log: the commands it ran, and the stand-ins' logs.
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeEach } from "vitest";
import { evidence, hold, letGo, removeAll } from "../world/witness.ts";

const FOLDER = ".dray/failures";

beforeEach(() => {
  hold();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") {
    const found = { file: path.relative(process.cwd(), task.file.filepath), test: task.name, ...(await evidence()) };
    const name = createHash("sha256").update(`${found.file} ${found.test}`).digest("hex").slice(0, 12);
    await mkdir(FOLDER, { recursive: true });
    await writeFile(path.join(FOLDER, `${name}.json`), JSON.stringify(found));
  }
  letGo();
});

afterAll(removeAll);
