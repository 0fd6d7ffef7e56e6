import path from "node:path";

/** A service's name made of a folder's or a file's. */
export function serviceNameOf(file: string): string {
  const name = path
    .basename(file, ".onnx")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
  return name === "" ? "api" : name.slice(0, 40);
}
