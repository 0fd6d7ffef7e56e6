import type { Session } from "../../../contract/session.ts";
import { withSite } from "../plan/site.ts";
import type { Access } from "../../../contract/answers.ts";
import type { Subject } from "../../../contract/place.ts";
import { Failure } from "../../../base/failure.ts";
import { isClosed, METRICS_CALLER } from "../../../edge/keys.ts";
import type { ServiceState } from "../../../edge/state.ts";
import type { Key } from "../../../core/keys.ts";
import { callerNameOf } from "../../../manifest/parts.ts";
import { takeLock } from "../plan/lock.ts";
import { edgeOf } from "../plan/observe.ts";
import { serviceOn } from "../plan/service-on.ts";

/** Who may call a service on a machine. */
export async function keysOn({ place, service }: Subject, session: Session): Promise<Access> {
  return await withSite(place, session, async (site) => accessOf(await serviceOn(site, service)));
}

function accessOf(service: ServiceState | undefined): Access {
  return { closed: service !== undefined && isClosed(service), keys: service?.keys ?? {} };
}

/** Lets a caller in, from the next request on; a service that was open is closed by it. @throws Failure keys.taken */
export async function addKeyOn(subject: Subject, named: { name: string; key: Key }, session: Session): Promise<void> {
  await changeKeys(subject, session, { added: named.name }, (keys) => {
    if (Object.hasOwn(keys, named.name)) {
      throw new Failure("keys.taken", `${named.name} has a key already`, {
        hint: `dray keys revoke ${named.name}, then add it again`,
      });
    }
    return { ...keys, [named.name]: named.key };
  });
}

/** Shuts a caller out, from the next request on; the service stays closed, also when nobody is left. @throws Failure keys.unknown */
export async function revokeKeyOn(subject: Subject, name: string, session: Session): Promise<Access> {
  return await changeKeys(subject, session, { revoked: name }, (keys) => {
    const gone = [name, callerNameOf(name)].find((each) => Object.hasOwn(keys, each));
    if (gone === undefined) {
      const known = Object.keys(keys);
      throw new Failure("keys.unknown", `${name} has no key`, {
        hint: known.length === 0 ? "nobody has one" : `those who have: ${known.join(", ")}`,
      });
    }
    return Object.fromEntries(Object.entries(keys).filter(([each]) => each !== gone));
  });
}

async function changeKeys(
  { place, service }: Subject,
  session: Session,
  did: object,
  change: (keys: Record<string, Key>) => Record<string, Key>,
): Promise<Access> {
  const { who } = session;
  return await withSite(place, session, async (site) => {
    await serviceOn(site, service);
    const edge = edgeOf(site);
    const lease = await takeLock(edge, service, who, session.signal);
    try {
      const { after } = await edge.change(
        service,
        (state) => {
          const known = state.services[service];
          if (known === undefined) throw new TypeError(`${service} went away`);
          const keys = change(known.keys ?? {});
          // A key that is only for the numbers closes nothing.
          const added = Object.keys(keys).filter((name) => !Object.hasOwn(known.keys ?? {}, name));
          const closed = isClosed(known) || added.some((name) => name !== METRICS_CALLER);
          return { ...state, services: { ...state.services, [service]: { ...known, keys, closed } } };
        },
        () => ({ at: new Date().toISOString(), who, service, ...did }),
      );
      return accessOf(after.services[service]);
    } finally {
      await lease.release();
    }
  });
}
