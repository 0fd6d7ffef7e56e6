export const KEEPER_SECRETS_LABEL = "dray.secrets";

/** The services whose secrets a keeper holds, as its container's labels say. */
export function secretsOfKeeper(labels: Record<string, string>): string[] {
  return (labels[KEEPER_SECRETS_LABEL] ?? "").split(",").filter((service) => service !== "");
}
