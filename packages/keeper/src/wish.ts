import { type KeeperWish, wish } from "drayage-record";
import * as z from "zod";

export type { CertificateWish, KeeperWish, ShadowWish } from "drayage-record";

const state = z.object({ keeper: wish.optional() });

/** Reads the edge's state. @throws when the text is none */
export function wishOf(text: string): KeeperWish {
  return state.parse(JSON.parse(text)).keeper ?? { certificates: {}, shadows: {} };
}
