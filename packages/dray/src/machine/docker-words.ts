import { Failure } from "../base/failure.ts";

/** Why Docker cannot be used on a machine, from what its shell could say without any right (`key=value` pairs on a line). */
export function explainDocker(host: string, said: string): Failure {
  const facts = new Map(
    said
      .trim()
      .split(/\s+/)
      .map((pair) => pair.split("=", 2) as [string, string]),
  );
  const has = (key: string): boolean => (facts.get(key) ?? "") !== "";
  const user = facts.get("user") ?? "the user";
  if (!has("docker")) {
    return new Failure("docker.missing", `Docker is not installed on ${host}`, { hint: `dray machine setup ${host}` });
  }
  if (!has("daemon") || !has("socket")) {
    return new Failure("docker.not-running", `Docker is installed on ${host}, but its daemon does not run`, {
      hint: `ssh ${host} sudo systemctl enable --now docker; if it does not start: sudo journalctl -u docker -n 20`,
    });
  }
  if (!has("mine")) {
    return new Failure("docker.permission", `${user} may not use Docker on ${host}, neither directly nor with sudo`, {
      hint: `an administrator types: sudo usermod -aG docker ${user}`,
    });
  }
  return new Failure("docker.not-running", `Docker on ${host} does not answer`, {
    hint: `ssh ${host} docker version`,
    details: [said.trim()],
  });
}
