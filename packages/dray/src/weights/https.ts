import { hashOfAll } from "drayage-keeper";
import type { WeightsFile } from "../core/weights.ts";
import { look } from "./ask.ts";
import type { Pinned, WeightsAsked, WeightsSource } from "./source.ts";

/** One file behind a URL, told by its hash. */
export const https: WeightsSource = {
  schemes: ["https", "http"],
  pin: async (asked) => await Promise.resolve(pin(asked)),
};

function pin({ from, sha256 = "", token }: WeightsAsked): Pinned {
  const url = new URL(from);
  const path = decodeURIComponent(url.pathname.split("/").at(-1) ?? "") || "weights";
  const open = async (signal: AbortSignal): Promise<WeightsFile[]> => {
    const secret = await token?.(signal);
    const headers = secret === undefined ? {} : { authorization: `Bearer ${secret.reveal()}` };
    const file = { path, sha256, url: from, headers };
    const bytes = await look(file, signal);
    return [{ ...file, ...(bytes === undefined ? {} : { bytes }) }];
  };
  // What follows the path may be a signature that lets anybody in.
  return { id: hashOfAll([{ path, sha256 }]), from: `${url.origin}${url.pathname}`, open };
}
