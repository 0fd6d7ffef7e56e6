import type { Subject } from "../../../contract/place.ts";
import type { Session } from "../../../contract/session.ts";
import type { Block, Report } from "../../../core/report.ts";
import { machineStatus, type MachineStatus } from "./status.ts";

const COLUMNS = ["SERVICE", "RELEASE", "STATE", "RUNNING", "IN FLIGHT", "IMAGE", "COMMIT", "BY", "SINCE"];

/** What runs on a machine, for programs and for people. */
export async function statusReport(
  { place, service }: Subject,
  scope: "service" | "all",
  session: Session,
): Promise<Report<MachineStatus>> {
  const data = await machineStatus(place, scope === "all" ? undefined : service, session);
  return { data, text: textOf(data) };
}

function textOf(machine: MachineStatus): Block[] {
  const head = `${machine.machine}: ${urlOf(machine)}${machine.edge ? "" : "  (no edge: nothing deployed)"}`;
  const rows = machine.services.flatMap((service) =>
    service.releases
      .toReversed()
      .map((each) => [
        service.service,
        each.release,
        each.share === 100 ? "traffic" : each.share > 0 ? `${each.share} %` : each.running > 0 ? "draining" : "kept",
        `${each.running}/${each.replicas}${each.unhealthy === undefined ? "" : `, ${each.unhealthy.length} unhealthy`}`,
        String(each.inFlight),
        each.image,
        each.commit ?? "",
        each.who,
        each.deployedAt,
      ]),
  );
  const left = machine.unfinished.map(({ running, text }) =>
    running ? text : `${text}; dray deploy, or dray rollback, clears it away`,
  );
  const ill = machine.services.flatMap(({ releases }) =>
    releases.flatMap(({ unhealthy = [] }) =>
      unhealthy.map(
        (each) => `${each} serves, and its image's own HEALTHCHECK calls it unhealthy; dray trace says why`,
      ),
    ),
  );
  const beside = machine.services.flatMap((each) =>
    (each.with ?? []).map(({ name, image, state }) => `${each.service} with ${name}: ${image}, ${state}`),
  );
  return [
    head,
    ...(rows.length === 0 ? [] : [{ columns: COLUMNS, rows }]),
    ...beside,
    ...left,
    ...ill,
    ...certificateLines(machine),
  ];
}

function certificateLines({ certificates }: MachineStatus): string[] {
  return Object.entries(certificates).flatMap(([host, how]) => [
    ...(how.state === "valid" ? [`https://${host}: certificate of ${how.issuer} until ${how.until}`] : []),
    ...(how.state === "pending" ? [`https://${host}: the certificate is being asked for`] : []),
    ...(how.state !== "pending" && how.problem !== undefined
      ? [`https://${host}: ${how.problem.why}\n  ${how.problem.fix}; tried again at ${how.problem.nextAt}`]
      : []),
  ]);
}

function urlOf({ address, port }: MachineStatus): string {
  return `http://${address}${port === 80 ? "" : `:${port}`}`;
}
