import type { Cloud } from "../../../core/cloud.ts";
import { isIP } from "node:net";
import { within } from "drayage-clock";
import { hasLogin } from "../../../google/token.ts";
import { type Context, under } from "../../../core/context.ts";
import type { Evidence } from "../../../core/evidence.ts";

/** A cloud that is slow to answer is not worth more. */
const PATIENCE_MS = 8000;

/**
 * What the machine's cloud says of it; undefined where nobody can be asked. Asked of machines that say they are Google's,
 * and of those that say nothing, where this computer has a login.
 */
export async function askCloud(
  found: Evidence,
  { address, name, clouds }: { address: string | undefined; name: string | undefined; clouds: readonly Cloud[] },
  context: Context,
): Promise<Evidence["cloud"]> {
  const where = found.machine?.cloud;
  if (address === undefined || isIP(address) === 0 || (where !== undefined && where !== "gce" && where !== "other"))
    return undefined;
  const [cloud] = clouds;
  if (cloud === undefined || !hasLogin()) return undefined;
  const names = name === undefined ? [] : [name.replace(/^.*@/, "")];
  try {
    return await within(PATIENCE_MS, context.signal, (limit) => cloud.look(address, names, under(context, limit)));
  } catch {
    // No right to look is no evidence.
    context.signal.throwIfAborted();
    return undefined;
  }
}
