import type { CallOptions } from "../../../core/call.ts";
import { isIP } from "node:net";
import type { Subject } from "../../../contract/place.ts";
import type { Session } from "../../../contract/session.ts";
import type { Reached } from "../../../contract/reached.ts";
import { endpoint } from "../../../manifest/endpoint.ts";
import { call } from "../../../probes/call.ts";
import { connect } from "../plan/site.ts";

/** The service as this computer calls it: by its domain, else at the machine's own address. @throws Failure ssh.* */
export async function reach(subject: Subject, how: "by-name" | "there", session: Session): Promise<Reached> {
  const base = await baseOf(subject, how, session);
  return {
    base,
    url: base,
    call: async (options, signal = session.signal) =>
      await call(base, options.as === "stranger" ? withoutKey(options) : options, { ...session, signal }),
  };
}

async function baseOf({ manifest, place }: Subject, how: "by-name" | "there", session: Session): Promise<string> {
  if (manifest.domain !== undefined && how === "by-name") return endpoint(manifest, manifest.domain);
  await using machine = await connect(place, session);
  const url = new URL(endpoint(manifest, machine.address));
  // This machine, whatever its name leads to.
  url.hostname = isIP(machine.address) === 6 ? `[${machine.address}]` : machine.address;
  return url.href;
}

function withoutKey(options: CallOptions): CallOptions {
  const { authorization: _key, ...headers } = options.headers;
  return { ...options, headers };
}
