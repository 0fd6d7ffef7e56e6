import type { Inside } from "../../contract/inside.ts";
import { fail, pass, type Question, skipped, unknown, when } from "./answer.ts";
import type { Facts } from "./facts.ts";

const section = "delivery" as const;
const BY_HAND = "dray deploy: a container by hand has no releases";

/** How a new version comes, and how it goes again. */
export const DELIVERY: readonly Question<Facts>[] = [
  {
    number: 3,
    section,
    title: "a release gets traffic only when it is proved",
    ask: ({ inside }) => {
      const last = lastDeploy(inside);
      if (last === undefined) return fail("nothing proved it", BY_HAND);
      const proofs = Array.isArray(last["goldenMs"]) ? last["goldenMs"].length : 0;
      return when(
        proofs > 0,
        `${String(last["release"])} answered ${proofs} golden requests before its first caller`,
        "dray golden record: then every release must give these answers before it gets traffic",
      );
    },
  },
  {
    number: 11,
    section,
    title: "a release that goes finishes its requests",
    ask: ({ inside }) => {
      const ended = (inside?.retired ?? []).filter((each) => !each.State.Running);
      if (inside?.edge === undefined) return fail("nobody drains it", BY_HAND);
      if (ended.length === 0) return skipped("no release was retired yet");
      const killed = ended.filter(({ State }) => State.ExitCode === 137);
      const evidence = `${ended.length} ended, ${killed.length} of them had to be killed`;
      return when(killed.length === 0, evidence, "obey SIGTERM: exec form of CMD, and a server that closes on it");
    },
  },
  {
    number: 12,
    section,
    title: "a deploy loses no request",
    ask: ({ inside }) => {
      if (inside?.edge === undefined) return fail("docker stop, then docker run: nobody answers in between", BY_HAND);
      const all = inside.metrics?.all;
      const deploys = deploysOf(inside).length;
      if (deploys >= 2 && all === undefined)
        return unknown(`how many requests failed is not known: ${inside.unmeasured ?? "nothing counts them"}`);
      if (deploys < 2 || all === undefined || all.requests === 0)
        return skipped("no second release came under traffic yet");
      const evidence = `${deploys} deploys; of the ${all.requests} requests of the last day ${all.errors} failed`;
      return when(all.errors === 0, evidence, "dray logs --status 5xx --since 1d shows them");
    },
  },
  {
    number: 13,
    section,
    title: "the release before is whole, and a command away",
    ask: ({ inside }) => {
      if (inside?.service === undefined) return fail("there is nothing to go back to", BY_HAND);
      const { previous } = inside.service;
      if (previous === undefined) return skipped("this is the first release");
      const there = inside.retired.some((each) => each.Config.Labels["dray.release"] === previous);
      return when(there, `dray rollback starts ${previous} again`, "keep: 2 or more in the manifest");
    },
  },
  {
    number: 14,
    section,
    title: "a bad release is taken back by itself",
    ask: ({ inside, manifest }) => {
      if (manifest === undefined || inside?.service === undefined) return fail("nobody watches a new version", BY_HAND);
      const { canary, bake, shadow } = manifest.rollout;
      const watched = [
        ...(shadow === undefined ? [] : [`shadow at ${shadow.share} %`]),
        ...(canary.length === 0 ? [] : [`canary at ${canary.join(", ")} %`]),
        ...(bake === undefined ? [] : [`bake of ${bake / 1000} s`]),
      ];
      const fix = "rollout: {canary: [5, 25, 50], every: 60s, bake: 5m} in the manifest";
      return when(watched.length > 0, watched.join(", ") || "all of the traffic at once, watched by nobody", fix);
    },
  },
  {
    number: 15,
    section,
    title: "what runs is known, to the byte",
    ask: async ({ inside, ask }) => {
      const { headers } = await ask({ path: "/" }, true);
      const told = headers["x-dray-release"];
      const release = inside?.kept?.release;
      if (release === undefined)
        return fail(`an image by its tag: ${inside?.live[0]?.Config.Image ?? "unknown"}`, BY_HAND);
      const known = release.digest.startsWith("sha256:") || release.image.startsWith("sha256:");
      const same = told === release.id || inside?.service?.candidate?.release === told;
      const from = release.from.commit === undefined ? "" : `, commit ${release.from.commit}`;
      const evidence = `answers say ${told}; it is ${(release.digest || release.image).slice(0, 19)}${from}`;
      return when(known && same, evidence, "dray deploy");
    },
  },
  {
    number: 16,
    section,
    title: "it comes back by itself after a crash and a reboot",
    ask: ({ inside }) => {
      if (inside === undefined) return unknown("the machine was not asked: --machine");
      const all = [...inside.live, inside.edge, inside.keeper].flatMap((each) => each ?? []);
      const lax = all.filter((each) => !/^(always|unless-stopped)$/.test(each.HostConfig.RestartPolicy.Name));
      if (lax.length > 0)
        return fail(`${lax.map((each) => each.Name.slice(1)).join(", ")}: no restart policy`, "dray deploy");
      if (inside.dockerAtBoot === false) return fail("Docker does not start at boot", "sudo systemctl enable docker");
      const boot = inside.dockerAtBoot === undefined ? "" : "; Docker starts at boot";
      return pass(`${all.length} containers are started again by the engine${boot}`);
    },
  },
];

function deploysOf(inside: Inside): Record<string, unknown>[] {
  return inside.audit.filter((each) => each["service"] === inside.service?.service && "goldenMs" in each);
}

function lastDeploy(inside: Inside | undefined): Record<string, unknown> | undefined {
  return inside?.service === undefined
    ? undefined
    : deploysOf(inside).findLast((each) => each["release"] === inside.service?.current);
}
