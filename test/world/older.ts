import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { appImage, EDGE_IMAGE, must } from "./images.ts";
import type { Vm } from "./vm.ts";

/** What `docker inspect` and the edge's volume said of a machine that an older dray had set up. */
interface Recorded {
  network: object;
  files: Record<string, string>;
  containers: { name: string; running: boolean; body: object }[];
}

const FILE = fileURLToPath(new URL("older/machine.json", import.meta.url));

/** Calls an engine over its socket: each line of the input is a path and a body. */
const CALLER = `import http.client, json, socket, sys
for line in sys.stdin:
    path, body = json.loads(line)
    connection = http.client.HTTPConnection("engine")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect("/engine.sock")
    connection.request("POST", path, json.dumps(body) if body is not None else None, {"content-type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status >= 400: sys.exit(path + " " + said.decode())`;

/** Leaves a stand-in as dray 5f386ab left a machine: one network for all, two services with two releases each, a keeper. */
export async function layOlderMachine(vm: Vm): Promise<void> {
  const [app, edge] = [appImage("1"), EDGE_IMAGE];
  await must(["sh", "-c", `docker save ${app} ${edge} | docker exec -i ${vm.host} docker load`]);
  const text = readFileSync(FILE, "utf8").replaceAll("IMAGE OF THE API", app).replaceAll("IMAGE OF THE EDGE", edge);
  const { network, files, containers } = JSON.parse(text) as Recorded;
  const inside = (argv: readonly string[], stdin: string): Promise<string> =>
    must(["docker", "exec", "-i", vm.host, "docker", "run", "--rm", "-i", ...argv], stdin);
  for (const [name, content] of Object.entries(files)) {
    const mode = name.startsWith("secrets") ? "600" : "644";
    const script = `cat > /var/lib/dray/${name}; chmod ${mode} /var/lib/dray/${name}`;
    await inside(["-v", "dray-edge:/var/lib/dray", app, "sh", "-c", script], content);
  }
  const calls: [path: string, body: unknown][] = [
    ["/networks/create", network],
    ...containers.map(({ name, body }): [string, unknown] => [`/containers/create?name=${name}`, body]),
    ...containers.flatMap(({ name, running }): [string, unknown][] =>
      running ? [[`/containers/${name}/start`, null]] : [],
    ),
  ];
  const lines = calls.map((each) => JSON.stringify(each)).join("\n");
  await inside(["-v", "/var/run/docker.sock:/engine.sock", app, "python3", "-c", CALLER], lines);
}
