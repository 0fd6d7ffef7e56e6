import path from "node:path";
import { parseJson } from "../json.ts";
import { readIfThere, replaceFile } from "../status.ts";

/** What happened to a replica's container. `restarted`: by us, since it was hung. */
export interface ReplicaEvent {
  /** ISO 8601, UTC. */
  at: string;
  container: string;
  kind: "die" | "oom" | "restarted";
  exitCode?: number;
}

/** A container that shall be restarted, in the keeper's words. */
export interface RestartWish {
  container: string;
  why: string;
}

const KEPT = 500;
const eventsFile = (home: string): string => path.join(home, "events.jsonl");
const wishFile = (home: string): string => path.join(home, "restart.json");

/** What the warden has seen, oldest first. */
export async function readEvents(home: string): Promise<ReplicaEvent[]> {
  const text = (await readIfThere(eventsFile(home))) ?? "";
  // A line that a power cut or a full disk tore is one line less.
  return text.split("\n").flatMap((line) => {
    const event = parseJson(line)?.value;
    return typeof event === "object" && event !== null ? [event as ReplicaEvent] : [];
  });
}

/** Notes one more; the oldest go. */
export async function noteEvent(home: string, event: ReplicaEvent): Promise<void> {
  const all = [...(await readEvents(home)), event].slice(-KEPT);
  await replaceFile(eventsFile(home), all.map((each) => `${JSON.stringify(each)}\n`).join(""));
}

/** What the keeper wants restarted now. */
export async function readWishes(home: string): Promise<RestartWish[]> {
  const wishes = parseJson((await readIfThere(wishFile(home))) ?? "")?.value;
  return Array.isArray(wishes) ? (wishes as RestartWish[]) : [];
}

export async function writeWishes(home: string, wishes: readonly RestartWish[]): Promise<void> {
  await replaceFile(wishFile(home), JSON.stringify(wishes));
}
