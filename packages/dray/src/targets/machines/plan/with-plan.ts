import { networkOf } from "../container/network.ts";
import type { Seen, SeenContainer } from "./observe.ts";
import type { MachineStep, Wish } from "./steps.ts";
import { seesAll, specOf } from "../container/with-container.ts";

/** Those that are missing, stopped, or out of this release's reach; one that runs is left alone. */
export function withSteps({ release }: Wish, seen: Seen): MachineStep[] {
  const network = networkOf(release);
  return Object.entries(release.settings.run?.with ?? {}).flatMap(([name, beside]) => {
    const there = besidesOf(seen, release.service).find((each) => each.beside?.name === name);
    if (there?.running === true && there.networks.includes(network)) return [];
    return [{ kind: "with" as const, on: seen.machine, title: `start ${name} (${beside.image})`, name, beside }];
  });
}

/** What a deploy does not change, and people may think it does. */
export function withNotes({ release, again }: Wish, seen: Seen): string[] {
  if (again) return [];
  const wanted = release.settings.run?.with ?? {};
  return besidesOf(seen, release.service).flatMap(({ beside }) => {
    if (beside === undefined) return [];
    const said = wanted[beside.name];
    if (said === undefined)
      return [`${beside.name} is no longer in the manifest and goes on running: dray with remove ${beside.name}`];
    if (seesAll(said, beside.spec))
      return [
        `${beside.name} sees all secrets of ${release.service}, as an older dray made it: dray with restart ${beside.name}`,
      ];
    return specOf(said) === beside.spec
      ? []
      : [
          `${beside.name} runs as an earlier manifest said, and a deploy never replaces it: dray with restart ${beside.name}`,
        ];
  });
}

const besidesOf = ({ containers }: Seen, service: string): SeenContainer[] =>
  containers.filter((each) => each.service === service && each.beside !== undefined);
