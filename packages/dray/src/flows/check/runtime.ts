import type { Inspected } from "../../contract/inside.ts";
import { healthOf, healthText } from "../../core/health.ts";
import { fail, pass, type Question, skipped, unknown, when } from "./answer.ts";
import type { Facts } from "./facts.ts";

const section = "runtime" as const;
const SSH = 22;
/** How names of variables that hold secrets usually end. */
const SECRET = /(SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|PRIVATE_KEY|CREDENTIALS)$/i;

const name = ({ Name }: Inspected): string => Name.slice(1);

/** What it may do, and what it may use. */
export const RUNTIME: readonly Question<Facts>[] = [
  {
    number: 17,
    section,
    title: "memory, processor and processes are limited",
    ask: ({ inside }) => {
      if (inside === undefined) return unknown("the machine was not asked: --machine");
      const missing = inside.live.flatMap((each) => {
        const { Memory, NanoCpus, PidsLimit } = each.HostConfig;
        const lacks = [
          ...(Memory > 0 ? [] : ["memory"]),
          ...(NanoCpus > 0 ? [] : ["cpus"]),
          ...((PidsLimit ?? 0) > 0 ? [] : ["processes"]),
        ];
        return lacks.length === 0 ? [] : [`${name(each)}: no limit of ${lacks.join(", ")}`];
      });
      const hurt = inside.live.filter((each) => each.State.OOMKilled || each.RestartCount > 0);
      const evidence =
        missing[0] ?? `${inside.live.length} replicas limited, ${hurt.length} of them were started again`;
      return when(
        missing.length === 0 && hurt.length === 0,
        evidence,
        "limits: {memory: 512MiB, cpus: 1} in the manifest",
      );
    },
  },
  {
    number: 18,
    section,
    title: "the container may do little",
    ask: ({ inside }) => {
      if (inside === undefined) return unknown("the machine was not asked: --machine");
      const wrong = inside.live.flatMap((each) => freedoms(each).map((what) => `${name(each)}: ${what}`));
      const fix = "USER in the Dockerfile for root; dray deploy does the rest";
      return when(
        wrong.length === 0,
        wrong.slice(0, 3).join("; ") || "not root, no rights, a root that is read-only",
        fix,
      );
    },
  },
  {
    number: 19,
    section,
    title: "only the ports that are meant are open",
    ask: ({ inside }) => {
      if (inside?.listeners === undefined) return unknown("the machine's sockets could not be listed");
      const { state } = inside;
      const meant = new Set([
        SSH,
        ...(state === undefined ? [] : [state.port, ...(state.tls === undefined ? [] : [state.tls])]),
      ]);
      const odd = inside.listeners.filter((each) => !meant.has(Number(each.split(":").at(-1))));
      const fix = "stop what listens there, or have it listen on 127.0.0.1; mind that docker -p goes around ufw";
      return when(odd.length === 0, odd.length === 0 ? `only ${[...meant].join(", ")}` : `also ${odd.join(", ")}`, fix);
    },
  },
  {
    number: 20,
    section,
    title: "no secret lies about",
    ask: ({ inside }) => {
      if (inside === undefined) return unknown("the machine was not asked: --machine");
      const told = inside.live.flatMap((each) =>
        (each.Config.Env ?? []).filter((line) => {
          const [key = "", value = ""] = line.split("=");
          return SECRET.test(key) && value !== "" && !value.startsWith("/");
        }),
      );
      const keys = [...new Set(told.map((line) => line.split("=")[0] ?? ""))];
      if (keys.length > 0)
        return fail(`in the engine's own files: ${keys.join(", ")}`, `secrets: [${keys[0]}] in the manifest`);
      if (inside.logins === undefined) return unknown("the machine's registry logins could not be read");
      const logins = inside.logins.join(", ");
      const evidence =
        logins === ""
          ? "none in the containers' settings, no registry login on the disk"
          : `a login for ${logins} in ~/.docker/config.json`;
      return when(logins === "", evidence, `docker logout ${inside.logins[0] ?? ""}: dray needs none there`);
    },
  },
  {
    number: 26,
    section,
    title: "the container has no way to the machine's own login",
    ask: ({ inside }) => {
      if (inside === undefined) return unknown("the machine was not asked: --machine");
      const server = inside.metadata === true ? "a metadata server answers" : "no metadata server answers";
      const fix = "dray deploy: it blocks 169.254.169.254 for who has not said metadata: true";
      const { metadata } = inside.kept?.release.settings ?? {};
      if (metadata === true) return skipped("the manifest says metadata: true");
      if (metadata === false && inside.walled === true)
        return pass(`${server} on ${inside.machine}; its rules drop what replicas send there`);
      if (inside.metadata === undefined) return unknown("the machine's shell was not asked");
      return inside.metadata
        ? fail(`${server} on ${inside.machine}, and nothing keeps a container from it`, fix)
        : skipped(`${server} on ${inside.machine}`);
    },
  },
  {
    number: 27,
    section,
    title: "the image's own HEALTHCHECK agrees",
    ask: ({ inside }) => {
      if (inside === undefined) return unknown("the machine was not asked: --machine");
      const said = inside.live.flatMap((each) => {
        const health = healthOf(each.State.Health);
        return health === undefined ? [] : [{ health, text: `${name(each)} is ${healthText(health)}` }];
      });
      if (said.length === 0) return skipped("the image has no HEALTHCHECK");
      const bad = said.find(({ health }) => health.status === "unhealthy");
      const evidence = bad?.text ?? said[0]?.text ?? "";
      return when(
        bad === undefined,
        evidence,
        "mend what it checks; with ready: healthcheck such a release gets no traffic",
      );
    },
  },
];

function freedoms({ Config, HostConfig }: Inspected): string[] {
  const dropped = (HostConfig.CapDrop ?? []).some((each) => each.toUpperCase().endsWith("ALL"));
  const root = Config.User === "" || /^(0|root)(:|$)/.test(Config.User);
  return [
    ...(root ? ["runs as root"] : []),
    ...(HostConfig.Privileged ? ["is privileged"] : []),
    ...(dropped ? [] : ["keeps the capabilities that Docker gives"]),
    ...((HostConfig.SecurityOpt ?? []).some((each) => each.startsWith("no-new-privileges"))
      ? []
      : ["may gain privileges"]),
    ...(HostConfig.ReadonlyRootfs ? [] : ["may write to its root"]),
    ...((HostConfig.Binds ?? []).some((each) => each.includes("docker.sock")) ? ["holds the engine's socket"] : []),
  ];
}
