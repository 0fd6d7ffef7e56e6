import { createHash } from "node:crypto";
import { hashOfAll } from "drayage-keeper";
import type { Secret } from "../base/secret.ts";
import type { WeightsFile } from "../core/weights.ts";

/** Weights as the manifest names them, with what a source needs to ask for them. */
export interface WeightsAsked {
  name: string;
  from: string;
  sha256?: string;
  /** Patterns of the only files that are wanted, where not all are. */
  only?: readonly string[];
  /** Reads the manifest's token, where there is one. */
  token?: (signal: AbortSignal) => Promise<Secret>;
  /** The manifest's own. */
  folder: string;
}

/** What a source says without being asked for the bytes. */
export interface Pinned {
  /** Of the content. */
  id: string;
  /** For people and records: nothing in it lets anybody in. */
  from: string;
  /** Of all files together, where it is not one file's own. */
  sha256?: string;
  open(signal: AbortSignal): Promise<WeightsFile[]>;
}

/** One kind of place where weights are. */
export interface WeightsSource {
  /** What stands before `://`. */
  schemes: readonly string[];
  pin(asked: WeightsAsked, signal: AbortSignal): Promise<Pinned>;
}

/** A content's name: of its hash where there is one, else of the words that tell it. `file`: it is this one file. */
export function nameContent(
  { sha256, only = [] }: Pick<WeightsAsked, "sha256" | "only">,
  words: readonly string[],
  file?: string,
): Pick<Pinned, "id" | "sha256"> {
  if (sha256 === undefined)
    return {
      id: createHash("sha256")
        .update(JSON.stringify([...words, only]))
        .digest("hex"),
    };
  return file === undefined ? { id: sha256, sha256 } : { id: hashOfAll([{ path: file, sha256 }]) };
}

/** The name of a path's last part: as the container finds a file that is alone. */
export const lastPart = (path: string): string => path.split("/").at(-1) ?? path;

/** Is a file among those that are wanted? `*` stands for any characters, slashes too, as in the hub's own tools. */
export function isWanted(path: string, only: readonly string[] | undefined): boolean {
  if (only === undefined) return true;
  const literal = (text: string): string => text.replaceAll(/[\\^$.|?+()[\]{}]/g, "\\$&");
  return only.some((pattern) => new RegExp(`^${pattern.split("*").map(literal).join(".*")}$`).test(path));
}
