import { open, readFile, rename, rm, writeFile } from "node:fs/promises";

/** Replaces a file at once: a reader sees the old one or the new one. */
export async function replaceFile(file: string, content: string, mode = 0o644): Promise<void> {
  try {
    await writeFile(`${file}.new`, content, { mode });
    await rename(`${file}.new`, file);
  } catch (error) {
    // Half a file takes the room that others want.
    await rm(`${file}.new`, { force: true });
    throw error;
  }
}

/** A file's content; undefined when there is none. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Adds all of the text to a file, or nothing: half of a line would take the next one with it. @throws what the disk says */
export async function appendWhole(file: string, text: string): Promise<void> {
  const handle = await open(file, "a");
  try {
    const { size } = await handle.stat();
    try {
      await handle.appendFile(text);
    } catch (error) {
      await handle.truncate(size);
      throw error;
    }
  } finally {
    await handle.close();
  }
}
