import { randomBytes } from "node:crypto";
import { must, prepareRegistry, REGISTRY_IMAGE } from "../images.ts";

/** A registry that asks nobody for a login, and what nodes and this computer call it by. */
export interface OpenRegistry extends AsyncDisposable {
  container: string;
  /** `127.0.0.1:PORT`: the name that images have here and there. */
  at: string;
  /** Where nodes find it by that name. */
  url: string;
}

const LOGIN = ["REGISTRY_AUTH", "REGISTRY_AUTH_HTPASSWD_REALM", "REGISTRY_AUTH_HTPASSWD_PATH"];

/** Starts it at a port of this computer. */
export async function startOpenRegistry(): Promise<OpenRegistry> {
  await prepareRegistry();
  const container = `dray-kube-registry-${randomBytes(4).toString("hex")}`;
  const serve = ["env", ...LOGIN.flatMap((name) => ["-u", name]), "docker-registry", "serve", "/config.yml"];
  await must(["docker", "run", "-d", "--name", container, "-p", "127.0.0.1::5000", REGISTRY_IMAGE, ...serve]);
  const [at = ""] = (await must(["docker", "port", container, "5000/tcp"])).split("\n");
  await must([
    "docker",
    "exec",
    container,
    "bash",
    "-c",
    "until (: < /dev/tcp/127.0.0.1/5000) 2>/dev/null; do sleep 0.1; done",
  ]);
  return {
    container,
    at,
    url: "http://registry.world:5000",
    [Symbol.asyncDispose]: async () => void (await must(["docker", "rm", "-f", "-v", container])),
  };
}
