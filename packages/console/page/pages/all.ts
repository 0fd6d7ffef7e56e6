import type { Pages } from "../pages.ts";
import { Checks } from "./checks.tsx";
import { Keys } from "./keys.tsx";
import { Logs } from "./logs.tsx";
import { Machines } from "./machines.tsx";
import { Runs } from "./runs.tsx";
import { Service } from "./service.tsx";
import { TracePage } from "./trace.tsx";

export const PAGES_SHOWN: Pages = {
  service: Service,
  runs: Runs,
  trace: TracePage,
  checks: Checks,
  logs: Logs,
  keys: Keys,
  machines: Machines,
};
