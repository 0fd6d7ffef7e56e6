import * as z from "zod";
import { duration } from "./units.ts";

const WEB_ORIGIN = /^https?:\/\/(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/;
/** RFC 9110, 5.6.2. */
const header = z
  .string()
  .regex(/^[A-Za-z0-9!#$&'*+.^_`|~-]+$/, "the name of a header")
  .transform((name) => name.toLowerCase());

const origin = z
  .string()
  .regex(
    WEB_ORIGIN,
    "an origin as browsers send it: https://app.example.com, with a port where it is not the usual one",
  );

/** Which pages of other origins may call the API from a browser. */
export const corsKey = z
  .strictObject({
    origins: z
      .union([z.literal("*"), z.array(origin).min(1)])
      .describe("Origins of pages that may call: `[https://app.example.com, https://*.example.com]`, or `*` for any."),
    headers: z
      .array(header)
      .default(["authorization", "content-type", "x-api-key"])
      .describe("Headers that such a page may send."),
    expose: z.array(header).default(["x-request-id", "retry-after"]).describe("Headers of an answer that it may read."),
    credentials: z.boolean().default(false).describe("It may send cookies, and read what is answered to them."),
    maxAge: duration.prefault("2h").describe("How long a browser may remember the permission."),
  })
  .refine(({ origins, credentials }) => !(credentials && origins === "*"), {
    message: "credentials need origins by name: a browser takes no * with them",
  })
  .optional()
  .describe(
    "Pages of other origins may call the API from a browser (CORS). The edge answers the browser's question before the call, which carries no key, and says on each answer which page may read it. The API's own answers on this are replaced.",
  );
