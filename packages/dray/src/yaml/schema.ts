import { CATALOGUE } from "../catalogue.ts";
import { manifestSchemaOf } from "../manifest/schema.ts";

const TARGETS = Object.values(CATALOGUE.targets);

/** The kinds of targets that a manifest may name. */
export const TARGET_KINDS: readonly string[] = TARGETS.map(({ kind }) => kind);

/** Kinds that need no machine: they have defaults for all that they need. */
export const NEEDS_NO_MACHINE: readonly string[] = TARGETS.flatMap(({ kind, needs }) =>
  needs === "nothing" ? [kind] : [],
);

/** The shape of dray.yaml: what every target may say, and the parts of those of the catalogue. */
export const manifestSchema = manifestSchemaOf(TARGETS);
