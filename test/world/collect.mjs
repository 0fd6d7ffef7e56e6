// Loaded before a program (--import): its garbage is collected all the time, so that what only garbage holds is soon gone.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
setInterval(() => collect(), 50).unref();
