import path from "node:path";

const MOST = 40;

/** A service's name made of a folder's or a file's. */
export function serviceNameOf(file: string): string {
  const name = path
    .basename(file, ".onnx")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, MOST)
    .replace(/-+$/, "");
  return name === "" ? "api" : name;
}
