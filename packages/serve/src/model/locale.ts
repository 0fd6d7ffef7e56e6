import { textOf } from "./graph.ts";
import { decodeModel, encodeModel, withText } from "./proto.ts";

/** What onnxruntime takes where a StringNormalizer names none (its documentation of the operator). */
const USUAL = "en_US.UTF-8";
/** It is in every C library, and in the image that we make; it changes the case of letters as en_US.UTF-8 does. */
const NEUTRAL = "C.UTF-8";
/** Languages that change the case of letters in their own way. */
const OWN_WAY = /^(tr|az|lt)([._-]|$)/i;

/** The model with a locale that is there, in the place of one that is not installed; undefined where that would be another answer. */
export function withNeutralLocale(bytes: Uint8Array): Uint8Array | undefined {
  const model = decodeModel(bytes);
  const nodes = (model.graph?.node ?? []).filter((node) => node.opType === "StringNormalizer");
  if (nodes.length === 0 || nodes.some((node) => OWN_WAY.test(textOf(node, "locale") || USUAL))) return undefined;
  for (const node of nodes) node.attribute = withText(node, "locale", NEUTRAL);
  return encodeModel(model);
}
