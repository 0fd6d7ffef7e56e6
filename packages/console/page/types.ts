// The shapes of answers are those of the library: they are named once, there.
import type { Checked, Item, Section } from "../../dray/src/core/check.ts";
import type { News } from "../../dray/src/core/happening.ts";
import type { RunSummary } from "../../dray/src/core/run.ts";
import type { Figures, MachineMetrics } from "../../dray/src/core/metrics.ts";
import type { Block, Report } from "../../dray/src/core/report.ts";
import type { Hop, Trace, Verdict } from "../../dray/src/core/trace.ts";
import type { Access, HostFacts, ShadowFound } from "../../dray/src/contract/answers.ts";
import type { Called } from "../../dray/src/core/call.ts";
import type { KeptRequest } from "../../dray/src/core/kept-request.ts";
import type { Offered } from "../../dray/src/core/offered.ts";
import type { Drifted } from "../../dray/src/core/drift.ts";
import type { Outcome } from "../../dray/src/contract/order.ts";
import type { Failed, LogSaid, Place } from "../src/verbs.ts";

export type {
  Access,
  Block,
  Called,
  Checked,
  Drifted,
  Failed,
  Figures,
  Hop,
  HostFacts,
  Item,
  KeptRequest,
  LogSaid,
  MachineMetrics,
  News,
  Offered,
  Outcome,
  Place,
  Report,
  RunSummary,
  Section,
  ShadowFound,
  Trace,
  Verdict,
};

/** A service of the console, as its server names it. */
export interface Named {
  service: string;
  file: string;
  target: string;
  places: Place[];
}

/** What the server says first. */
export interface Hello {
  version: string;
  mayChange: boolean;
  services: Named[];
}

/** A line of any answer. */
export interface Line {
  place?: string;
  found?: unknown;
  failed?: Failed;
  news?: News;
  line?: LogSaid;
  pulse?: string;
  leftOut?: number;
}
