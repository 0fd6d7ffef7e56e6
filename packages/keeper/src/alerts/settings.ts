import * as z from "zod";

const settings = z.object({
  /** Where alerts are POSTed: a secret. */
  webhook: z.string().optional(),
  smtp: z
    .object({
      host: z.string(),
      port: z.number(),
      from: z.string(),
      to: z.string(),
      user: z.string().optional(),
      password: z.string().optional(),
    })
    .optional(),
  /** Share of answers of 500 and above. */
  errors: z.number(),
  /** Milliseconds; undefined: nobody minds. */
  p95Ms: z.number().optional(),
  /** Share of the disk in use. */
  disk: z.number(),
  certificateDays: z.number(),
  /** What a replica is asked every minute, and must answer. */
  golden: z
    .array(
      z.object({
        method: z.string(),
        path: z.string(),
        headers: z.record(z.string(), z.string()).optional(),
        /** JSON. */
        body: z.string().optional(),
        /** A body of another kind, in base64, with its content type. */
        payload: z.object({ type: z.string(), base64: z.string() }).optional(),
        status: z.number(),
        /** JSON; fields that are not in it may be anything. */
        answer: z.string().optional(),
        text: z.string().optional(),
        type: z.string().optional(),
        /** In hex, of the answer's bytes. */
        sha256: z.string().optional(),
        tolerance: z.number(),
      }),
    )
    .default([]),
  /** How a replica is asked whether it lives. */
  ready: z.string(),
});
/** Whom to tell of a service's troubles, and from when on something is one. */
export type AlertSettings = z.infer<typeof settings>;

/** @throws when the text is none */
export function settingsOf(text: string): AlertSettings {
  return settings.parse(JSON.parse(text));
}
