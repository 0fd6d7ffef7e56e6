/** The role of what marks a machine while a backup is put on it. */
export const RESTORE_ROLE = "restore";
export const KEEPER_SECRETS_LABEL = "dray.secrets";
/** It listens in a network of its own, and nowhere else: only such a one may be put where replicas are. */
export const KEEPER_APART_LABEL = "dray.apart";

/** The services whose secrets a keeper holds, as its container's labels say. */
export function secretsOfKeeper(labels: Record<string, string>): string[] {
  return (labels[KEEPER_SECRETS_LABEL] ?? "").split(",").filter((service) => service !== "");
}
