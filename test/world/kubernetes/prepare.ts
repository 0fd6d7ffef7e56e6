import { prepareKubernetes } from "./prepared.ts";

// `control`: for suites that need no pods.
await prepareKubernetes(process.argv[2] === "control" ? "control" : "nodes");
