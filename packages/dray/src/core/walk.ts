import { type Evidence, served } from "./evidence.ts";
import { diagnose } from "./faults/table.ts";
import { HOP_TABLE } from "./hops.ts";
import type { Hop, Trace } from "./trace.ts";

/** Evidence -> the way, hop by hop. The cause is broken, and only the cause: what it makes fail elsewhere is told as it was seen. */
export function walk(found: Evidence, ms: number): Trace {
  const fault = diagnose(found);
  const { url, machine, service, container } = found.target;
  let from = "this computer";
  const hops = HOP_TABLE.map((definition): Hop => {
    const { hop, title } = definition;
    const { verdict, evidence, ...more } = definition.judge(found);
    const to = definition.to(found);
    const base = { hop, title, from, to, evidence, explain: definition.explain(found) };
    // The first four are the operator's own way in; a request does not take it.
    from = hop === "cloud" ? "this computer" : to;
    if (fault?.hop !== hop) return { ...base, verdict, ...more };
    const { missing: _missing, ...rest } = more;
    return {
      ...base,
      ...rest,
      verdict: fault.verdict?.(found) ?? "broken",
      fault: fault.id,
      why: fault.why(found),
      fix: fault.fix(found),
    };
  });
  return {
    v: 1,
    url,
    ...(machine === undefined ? {} : { machine }),
    ...(service === undefined ? {} : { service }),
    ...(container === undefined ? {} : { container }),
    reached: served(found),
    hops,
    ms,
  };
}
