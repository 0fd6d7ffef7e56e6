import * as z from "zod";

/** What the edge and our own probes speak with the API. */
export const protocol = z
  .enum(["http", "h2c"])
  .default("http")
  .describe(
    "The API's protocol: `http`, which is HTTP/1.1, or `h2c` for HTTP/2 alone without TLS, as gRPC servers do. Clients may speak either with the edge. With `h2c` a release is ready when gRPC's health service says SERVING, or says that there is none; with a path in `ready`, when that one answers.",
  );

interface Said {
  protocol: "http" | "h2c";
  limits: { body?: number | undefined };
  rollout: { shadow?: unknown };
  model?: string | undefined;
}

/** What goes with HTTP/1.1 alone: a place in the manifest, and a sentence, each. */
export function protocolProblems(said: Said): { at: string[]; message: string }[] {
  if (said.protocol === "http") return [];
  const problems: [boolean, string[], string][] = [
    [said.model !== undefined, ["protocol"], "a model's own server speaks HTTP/1.1: take protocol: h2c out"],
    [
      said.limits.body !== undefined,
      ["limits", "body"],
      "with protocol: h2c a body's length is not known before it ends, and a stream has no end: take limits.body out",
    ],
    [said.rollout.shadow !== undefined, ["rollout", "shadow"], "a shadow is asked by HTTP/1.1: not with protocol: h2c"],
  ];
  return problems.flatMap(([is, at, message]) => (is ? [{ at, message }] : []));
}

/** The sentence of a target that leads requests by HTTP/1.1 alone. */
export function onlyHttp({ protocol: spoken }: { protocol?: string | undefined }, target: string): string[] {
  return spoken === "h2c" ? [`protocol: h2c is not for ${target}: its replicas are asked by HTTP/1.1`] : [];
}
