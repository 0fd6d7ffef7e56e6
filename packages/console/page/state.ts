import { signal } from "@preact/signals";
import type { Failed, Hello, KeptRequest } from "./types.ts";

/** What the server said first. */
export const hello = signal<Hello | undefined>(undefined);

/** Whether the console is there; a failure says why it is not. */
export const connection = signal<"opening" | "open" | "no token" | Failed>("opening");

/** A request of the log that somebody wants to send once more. */
export const toTry = signal<KeptRequest | undefined>(undefined);
