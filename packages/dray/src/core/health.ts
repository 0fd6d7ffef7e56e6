/** What an engine says of a container by its image's HEALTHCHECK. */
export interface Health {
  status: "starting" | "healthy" | "unhealthy";
  /** What the check printed last, on one line. */
  said: string;
}

/** `State.Health` of a container, in the engine's words. */
export interface EngineHealth {
  Status?: string;
  Log?: { Output?: string; ExitCode?: number }[] | null;
}

const LONGEST = 200;

/** An engine's opinion; undefined where the image has no HEALTHCHECK. */
export function healthOf(found: EngineHealth | null | undefined): Health | undefined {
  const status = found?.Status;
  if (status !== "starting" && status !== "healthy" && status !== "unhealthy") return undefined;
  const last = found?.Log?.at(-1)?.Output ?? "";
  return {
    status,
    said: last
      .replaceAll(/[\s\p{Cc}]+/gu, " ")
      .trim()
      .slice(0, LONGEST),
  };
}

/** `unhealthy by its HEALTHCHECK: connection refused`. */
export function healthText({ status, said }: Health): string {
  return `${status} by its HEALTHCHECK${status === "unhealthy" && said !== "" ? `: ${said}` : ""}`;
}
