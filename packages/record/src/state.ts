import * as z from "zod";
import { wish } from "./wish.ts";

/** The version of the state's form. Fields may be added under it; whoever does not know one keeps it as it is. */
export const STATE_VERSION = 1;

const replica = z.object({ container: z.string(), address: z.string(), port: z.number() });

const settings = z.object({
  replicas: z.number(),
  limits: z.object({ timeoutMs: z.number(), readyMs: z.number(), drainMs: z.number() }),
  env: z.record(z.string(), z.string()),
  secrets: z.array(z.string()),
  port: z.number().optional(),
  ready: z.string().optional(),
  protocol: z.string().optional(),
  domain: z.string().optional(),
  host: z.string().optional(),
  prefix: z.string().optional(),
});

const release = z.object({
  id: z.string(),
  service: z.string(),
  image: z.string(),
  digest: z.string(),
  settings,
  from: z.object({ who: z.string(), at: z.string() }),
});

const kept = z.object({ release, replicas: z.array(replica), deployedAt: z.string() });

const service = z.object({
  service: z.string(),
  current: z.string(),
  previous: z.string().optional(),
  candidate: z.object({ release: z.string(), share: z.number() }).optional(),
  shadow: z.object({ release: z.string(), share: z.number(), containers: z.array(z.string()) }).optional(),
  keys: z.record(z.string(), z.object({ sha256: z.string(), from: z.string(), at: z.string() })).optional(),
  closed: z.boolean().optional(),
  releases: z.array(kept),
});

const state = z.object({
  v: z.literal(STATE_VERSION),
  rev: z.number(),
  port: z.number(),
  address: z.string().optional(),
  tls: z.number().optional(),
  keeper: wish.extend({ address: z.string() }).optional(),
  services: z.record(z.string(), service),
});

/** A state that is not for this program: `newer`: written by a newer one, in a form that it would spoil. */
export class StateRefused extends Error {
  readonly why: "newer" | "unreadable";

  constructor(why: "newer" | "unreadable", message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "StateRefused";
    this.why = why;
  }
}

export type RecordedState = z.infer<typeof state>;

/**
 * Reads a machine's state as it lies in the edge's volume, and makes sure of its form. It comes back as it was written: fields
 * that this program does not know are still there when it writes. @throws StateRefused
 */
export function readState(text: string): RecordedState {
  const value = parsed(text);
  const { v } = z.object({ v: z.number() }).safeParse(value).data ?? {};
  if (v !== undefined && v > STATE_VERSION)
    throw new StateRefused("newer", `it has version ${v} of the form, and this program knows ${STATE_VERSION}`);
  const read = state.safeParse(value);
  // Its form is the schema's: it fits.
  if (read.success) return value as RecordedState;
  throw unreadable(read.error);
}

function unreadable(error: z.ZodError): StateRefused {
  return new StateRefused("unreadable", z.prettifyError(error).replaceAll(/\s*\n\s*/g, " "), error);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StateRefused("unreadable", "it is no JSON", error);
  }
}

const lived = z.object({
  release: z.object({
    id: z.string(),
    settings: z.object({
      ready: z.string().optional(),
      protocol: z.string().optional(),
      host: z.string().optional(),
      domain: z.string().optional(),
      limits: z.object({ timeoutMs: z.number() }).optional(),
    }),
  }),
  replicas: z.array(replica),
});

const services = z.object({
  address: z.string().optional(),
  services: z.record(z.string(), z.object({ service: z.string(), current: z.string(), releases: z.array(lived) })),
});

/** What the programs beside the edge read of it: which replicas serve, and how they are asked. */
export type RecordedServices = z.infer<typeof services>;

/**
 * The services of a state, of whichever version: a program beside the edge changes nothing of it, and goes on with what it
 * knows while a newer one takes its place. @throws StateRefused
 */
export function readServices(text: string): RecordedServices {
  const read = services.safeParse(parsed(text));
  if (read.success) return read.data;
  throw unreadable(read.error);
}
