import type { Pages } from "../pages.ts";
import { Alerts } from "./alerts.tsx";
import { Checks } from "./checks.tsx";
import { DriftPage } from "./drift.tsx";
import { Keys } from "./keys.tsx";
import { Logs } from "./logs.tsx";
import { Machines } from "./machines.tsx";
import { Requests } from "./requests.tsx";
import { Runs } from "./runs.tsx";
import { Service } from "./service.tsx";
import { TracePage } from "./trace.tsx";
import { Try } from "./try.tsx";

export const PAGES_SHOWN: Pages = {
  service: Service,
  runs: Runs,
  trace: TracePage,
  checks: Checks,
  try: Try,
  requests: Requests,
  logs: Logs,
  drift: DriftPage,
  alerts: Alerts,
  keys: Keys,
  machines: Machines,
};
