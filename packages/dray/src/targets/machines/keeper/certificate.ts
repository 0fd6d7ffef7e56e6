import { supplyKeeper } from "../image/keeper-image.ts";
import { isIP } from "node:net";
import { sleep } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import type { Context } from "../../../core/context.ts";
import { file } from "../../../edge/script.ts";
import type { EdgeState } from "../../../edge/state.ts";
import type { Work } from "../plan/work.ts";
import { type KeeperWanted, setUpKeeper } from "./keeper-setup.ts";
import { keeperStatus } from "../../../edge/keeper-status.ts";
import { edgeOf } from "../plan/observe.ts";

const POLL_MS = 300;
/** A CA needs a few seconds; who waits longer has a fault to be told of. */
const PATIENCE_MS = 45_000;

/** Starts the keeper, and tells it and the edge which host is to be had over HTTPS. */
export async function tellKeeper(work: Work, wanted: KeeperWanted, context: Context): Promise<void> {
  const { site, https, release } = work;
  await supplyKeeper(site, wanted.image, context);
  const address = await setUpKeeper(work, wanted, context);
  const edge = edgeOf(site);
  if (https?.pem !== undefined)
    await edge.run(
      `mkdir -p -m 700 /var/lib/dray/certs; umask 077\n${file(`certs/${certificateName(https.host)}.pem`, https.pem.reveal())}`,
    );
  await edge.change(
    release.service,
    (state) => ({
      ...state,
      ...(https === undefined ? {} : { tls: https.port }),
      keeper: {
        certificates: { ...state.keeper?.certificates, ...(https === undefined ? {} : { [https.host]: https.wish }) },
        shadows: state.keeper?.shadows ?? {},
        address,
      },
    }),
    () => ({ at: new Date().toISOString(), who: work.who, keeper: wanted.image, host: https?.host }),
  );
}

/** The keeper's own rule: what is asked for by address is the default. */
const certificateName = (host: string): string => (isIP(host) === 0 ? host : "default");

/** Waits until a host has its certificate. Resolves to a note for people. @throws Failure tls.no-certificate, with the CA's reason and the fix */
export async function awaitCertificate(work: Work, host: string, context: Context): Promise<string> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const status = (await keeperStatus(edgeOf(work.site)))?.certificates[host];
    if (status?.state === "valid" && status.problem === undefined)
      return `of ${status.issuer} until ${status.until.slice(0, 10)}`;
    if (status !== undefined && status.state !== "pending" && status.problem !== undefined) {
      const { why, fix, nextAt } = status.problem;
      throw new Failure("tls.no-certificate", `${host} has no certificate: ${why}`, {
        hint: `${fix}; the keeper tries again by itself at ${nextAt.slice(11, 16)} UTC`,
      });
    }
    if (performance.now() > until) {
      throw new Failure("tls.no-certificate", `the CA has not answered for ${host} yet`, {
        hint: "the keeper goes on by itself: dray status says how far it is",
      });
    }
    await sleep(POLL_MS, context.signal);
  }
}

/** The state without certificates that no service of the machine needs any more. */
export function withoutUnusedCertificates(state: EdgeState): EdgeState {
  const { keeper } = state;
  if (keeper === undefined) return state;
  const services = Object.values(state.services);
  const needed = (host: string): boolean =>
    services.some((each) => (isIP(host) === 0 ? each.domain === host : each.domain === undefined));
  const certificates = Object.fromEntries(Object.entries(keeper.certificates).filter(([host]) => needed(host)));
  return { ...state, keeper: { ...keeper, certificates } };
}
