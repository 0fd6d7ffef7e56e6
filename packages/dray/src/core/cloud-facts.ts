/** A rule of a cloud's firewall, in front of the machine. */
export interface CloudRule {
  name: string;
  priority: number;
  action: "allow" | "deny";
  /** Where packets may come from. */
  ranges: readonly string[];
  /** Of machines with one of these tags; empty: of all. */
  tags: readonly string[];
  /** TCP ports: `80`, `8000-9000`; empty: all. */
  ports: readonly string[];
}

/** What a cloud says of a machine. */
export interface CloudFacts {
  cloud: "gce";
  project: string;
  /** Null: there is no machine with that address or name. */
  machine: {
    name: string;
    zone: string;
    status: string;
    external?: string;
    tags: readonly string[];
  } | null;
  /** The reserved address under the machine's name. */
  address?: { name: string; address: string };
  /** What is in force for it; undefined: it may not be read. */
  rules?: readonly CloudRule[];
  /** The end of its serial port, where its startup script failed. */
  startup?: readonly string[];
}

/** What the rules say of a port, for anybody who asks from anywhere. */
export type CloudVerdict =
  | { let: "in"; by: CloudRule }
  /** The rule that would let it in is for other tags. */
  | { let: "tag"; by: CloudRule }
  /** Only from some addresses. */
  | { let: "some"; by: CloudRule }
  | { let: "denied"; by: CloudRule }
  | { let: "nobody" };

/** Google's order: the lowest priority number wins, deny before allow (VPC firewall rules, "Priority"). Pure. */
export function verdictOf(rules: readonly CloudRule[], tags: readonly string[], port: number): CloudVerdict {
  const about = rules
    .filter((rule) => rule.ports.length === 0 || rule.ports.some((range) => within(range, port)))
    .toSorted((a, b) => a.priority - b.priority || Number(b.action === "deny") - Number(a.action === "deny"));
  const mine = (rule: CloudRule): boolean => rule.tags.length === 0 || rule.tags.some((tag) => tags.includes(tag));
  let some: CloudRule | undefined;
  for (const rule of about.filter((each) => mine(each))) {
    const anywhere = rule.ranges.length === 0 || rule.ranges.includes("0.0.0.0/0");
    if (anywhere) return rule.action === "deny" ? { let: "denied", by: rule } : { let: "in", by: rule };
    if (rule.action === "allow") some ??= rule;
  }
  if (some !== undefined) return { let: "some", by: some };
  const other = about.find((rule) => rule.action === "allow" && !mine(rule));
  return other === undefined ? { let: "nobody" } : { let: "tag", by: other };
}

function within(range: string, port: number): boolean {
  const [from = 0, to = from] = range.split("-").map(Number);
  return port >= from && port <= to;
}
