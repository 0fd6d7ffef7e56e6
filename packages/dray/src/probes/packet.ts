import type { Evidence, Rule } from "../core/evidence.ts";

const drops = (rule: Rule): boolean => /-j (DROP|REJECT)|^policy DROP/.test(rule.text);

/** May this rule be about our packet? One that names another port is not. */
function concerns(rule: Rule, ports: readonly number[]): boolean {
  const port = /--dports? (\S+)/.exec(rule.text)?.[1];
  return port === undefined || port.split(",").some((each) => ports.includes(Number(each)));
}

/**
 * What happened to a packet that was sent between two readings of the counters: a rule that leads to the container saw
 * it, or one that drops counted it. `ports`: the machine's and the container's. Of two that dropped, the one that names
 * a port is the more telling.
 */
export function followPacket(
  before: readonly Rule[],
  after: readonly Rule[],
  ports: readonly number[],
): NonNullable<Evidence["packet"]> {
  const key = ({ table, chain, text }: Rule): string => `${table} ${chain} ${text}`;
  const counted = new Map(before.map((rule) => [key(rule), rule.packets]));
  const rose = after.filter((rule) => rule.packets > (counted.get(key(rule)) ?? 0) && concerns(rule, ports));
  const leads = (rule: Rule): boolean => rule.table === "nat" && rule.text.includes("-j DNAT");
  const dropped = rose
    .filter(drops)
    .toSorted((a, b) => Number(/--dport/.test(b.text)) - Number(/--dport/.test(a.text)))[0];
  return {
    seen: rose.some(leads) || dropped !== undefined,
    ...(dropped === undefined ? {} : { dropped }),
    dnat: after.some((rule) => leads(rule) && concerns(rule, ports)),
  };
}
