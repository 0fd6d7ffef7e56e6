import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { Secret } from "../base/secret.ts";
import type { WeightsFile } from "../core/weights.ts";
import { askSource, noFiles } from "./ask-json.ts";
import { isWanted, lastPart, nameContent, type Pinned, type WeightsAsked, type WeightsSource } from "./source.ts";

/** A model of Hugging Face's hub at a revision: all its files, those of a folder, or one. */
export const hf: WeightsSource = {
  schemes: ["hf"],
  pin: async (asked) => await Promise.resolve(pin(asked)),
};

/** As the hub's own tools have it: another address for a mirror. */
const endpoint = (): string => (process.env["HF_ENDPOINT"] ?? "https://huggingface.co").replace(/\/$/, "");

/** A row of the hub's list of files. `oid`: git's; a large file's own hash is below `lfs`. */
interface Listed {
  type: string;
  path: string;
  size: number;
  oid: string;
  lfs?: { oid: string; size: number };
}

interface Where {
  repository: string;
  revision: string;
  /** A file, or a folder with a slash at its end; empty: all. */
  inside: string;
}

function whereOf(from: string): Where {
  const [, repository = "", revision = "main", inside = ""] =
    /^hf:\/\/([^/@]+(?:\/[^/@]+)?)(?:@([^/]+))?(?:\/(.*))?$/.exec(from) ?? [];
  return { repository, revision, inside };
}

function pin(asked: WeightsAsked): Pinned {
  const { from, sha256 } = asked;
  const where = whereOf(from);
  const { repository, revision, inside } = where;
  const file = inside === "" || inside.endsWith("/") ? undefined : lastPart(inside);
  return {
    ...nameContent(asked, ["hf", repository, revision, inside], file),
    from,
    open: async (signal) => {
      const token = (await asked.token?.(signal)) ?? (await tokenHere());
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` };
      const listed = (await list(where, headers, signal)).filter(({ path: at }) => isPart(at, inside, asked.only));
      if (listed.length === 0) throw noFiles(from);
      return listed.map((each) => fileOf(each, where, headers, file === undefined ? undefined : sha256));
    },
  };
}

function isPart(at: string, inside: string, only: readonly string[] | undefined): boolean {
  if (inside !== "" && !inside.endsWith("/")) return at === inside;
  // git's own housekeeping is no part of a model.
  return at.startsWith(inside) && !lastPart(at).startsWith(".git") && isWanted(at.slice(inside.length), only);
}

function fileOf(
  { path: at, size, oid, lfs }: Listed,
  { repository, revision, inside }: Where,
  headers: Record<string, string>,
  named: string | undefined,
): WeightsFile {
  const encoded = at.split("/").map(encodeURIComponent).join("/");
  return {
    path: inside === at ? lastPart(at) : at.slice(inside.length),
    bytes: lfs?.size ?? size,
    ...hashesOf(named ?? lfs?.oid, oid),
    url: `${endpoint()}/${repository}/resolve/${encodeURIComponent(revision)}/${encoded}`,
    headers,
  };
}

/** A small file lies in git itself, which names it by a hash of its own. */
function hashesOf(sha256: string | undefined, gitBlob: string): { sha256: string } | { gitBlob: string } {
  return sha256 === undefined ? { gitBlob } : { sha256 };
}

/** The hub lists a thousand files at a time. */
async function list(
  { repository, revision }: Where,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Listed[]> {
  const rows: Listed[] = [];
  const first = `${endpoint()}/api/models/${repository}/tree/${encodeURIComponent(revision)}?recursive=true`;
  for (let url: string | undefined = first; url !== undefined;) {
    const answer = await askSource(url, headers, signal);
    rows.push(...((await answer.json()) as Listed[]));
    const next: string | undefined = /<([^>]+)>; *rel="next"/.exec(answer.headers.get("link") ?? "")?.[1];
    // The token is for the hub alone.
    url = next !== undefined && new URL(next, url).origin === new URL(url).origin ? new URL(next, url).href : undefined;
  }
  return rows.filter(({ type }) => type === "file");
}

/** Where the hub's own tools look for a login, in their order. */
async function tokenHere(): Promise<Secret | undefined> {
  const { HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME } = process.env;
  const said = HF_TOKEN ?? HUGGING_FACE_HUB_TOKEN;
  if (said !== undefined && said !== "") return new Secret(said.trim());
  const home = HF_HOME ?? path.join(XDG_CACHE_HOME ?? path.join(homedir(), ".cache"), "huggingface");
  const kept = (await readFile(HF_TOKEN_PATH ?? path.join(home, "token"), "utf8").catch(() => "")).trim();
  return kept === "" ? undefined : new Secret(kept);
}
