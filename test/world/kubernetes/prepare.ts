import { buildParts } from "./build.ts";

await buildParts();
