import * as z from "zod";
import type { Json, Scope, TryWanted } from "../verbs.ts";
import { type Call, call, name, service } from "./call.ts";
import { type Asked, BadCall, placeOf, servedAt } from "./desk.ts";

const MAX_BODY = 12_000;
/** RFC 9110's token, and the characters of a field's value that can be typed. */
const header = z.record(z.string().regex(/^[\w!#$%&'*+.^`|~-]{1,100}$/), z.string().regex(/^[\t\x20-\x7e]{0,1000}$/));

const tryWanted = z.strictObject({
  service,
  place: name.optional(),
  release: name.optional(),
  method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
  path: z.string().regex(/^\/[\x21-\x7e]{0,1000}$/),
  headers: header.optional(),
  /** JSON, where it is any; else text. */
  body: z.string().max(MAX_BODY).optional(),
});

function scopeOf<M>({ desk }: Asked<M>, wanted: { service: number; place?: string | undefined }): Scope<M> {
  const served = servedAt(desk, wanted.service);
  const { manifest } = served;
  return wanted.place === undefined ? { manifest } : { manifest, only: placeOf(served, wanted.place).name };
}

/** A host of another name, and headers that say how a message is framed, are no part of a request that is typed. */
const NOT_TYPED = /^(host|connection|content-length|transfer-encoding|upgrade|expect|te|trailer|x-dray-.*)$/i;

function saidOf({ method, path, headers, body }: z.infer<typeof tryWanted>): TryWanted {
  if (Object.keys(headers ?? {}).some((each) => NOT_TYPED.test(each)))
    throw new BadCall("a header of the request is one that is not typed");
  return {
    method,
    path,
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined || body === "" ? {} : { carried: carriedOf(body) }),
  };
}

function carriedOf(text: string): TryWanted["carried"] & object {
  try {
    return { body: JSON.parse(text) as Json };
  } catch {
    return { text };
  }
}

/** A form to try the service. What it sends is a request like any caller's: it changes nothing of what runs. */
export const TRYING: Readonly<Record<string, Call>> = {
  "try/offered": call(z.strictObject({ service }), async (asked, wanted) => {
    asked.tell({ found: await asked.verbs.requests.offered(scopeOf(asked, wanted)) });
  }),
  "try/send": call(tryWanted, async (asked, wanted) => {
    const said = saidOf(wanted);
    asked.tell({ found: await asked.verbs.requests.send(scopeOf(asked, wanted), said, wanted.release) });
  }),
};
