import type {
  Container,
  EnvVar,
  PodSpec,
  Probe,
  SecurityContext,
  Volume,
  VolumeMount,
} from "kubernetes-types/core/v1.js";
import type { Limits } from "../../../core/release.ts";
import { MODEL_CONTAINER, PORT, envSecretName, selectorOf } from "./names.ts";
import { isRestricted, type KubeWanted } from "./wanted.ts";

/** Until every gateway and node knows that a pod goes, it still gets requests: SIGTERM waits for that. */
const PRE_STOP_S = 10;
const TMP = "64Mi";
const FILES = "/run/secrets";
/** What an image's own user may need to become another one; all else is dropped. */
const CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"];

/** The pod of a release. */
export function podSpec(wanted: KubeWanted): object {
  const { release, user, pullSecret, serviceAccount } = wanted;
  const { hosts, runtime } = release.settings.run ?? {};
  const uid = user.uid === undefined ? {} : { runAsUser: user.uid };
  const gid = user.gid === undefined ? {} : { runAsGroup: user.gid };
  return {
    automountServiceAccountToken: serviceAccount !== undefined,
    ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
    enableServiceLinks: false,
    terminationGracePeriodSeconds: PRE_STOP_S + seconds(release.settings.limits.drainMs),
    topologySpreadConstraints: ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({
      maxSkew: 1,
      topologyKey,
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: selectorOf(release) },
    })),
    securityContext: {
      seccompProfile: { type: "RuntimeDefault" },
      ...(isRestricted(wanted) ? { runAsNonRoot: true } : {}),
      ...uid,
      ...gid,
    },
    ...(pullSecret === undefined ? {} : { imagePullSecrets: [{ name: pullSecret }] }),
    ...(runtime === undefined ? {} : { runtimeClassName: runtime }),
    ...(hosts === undefined
      ? {}
      : { hostAliases: Object.entries(hosts).map(([name, ip]) => ({ ip, hostnames: [name] })) }),
    ...(release.settings.limits.gpus === undefined
      ? {}
      : { tolerations: [{ key: "nvidia.com/gpu", operator: "Exists" }] }),
    containers: [container(wanted)],
    volumes: volumesOf(wanted),
  } satisfies PodSpec;
}

function container(wanted: KubeWanted): Container {
  const { release, image, port } = wanted;
  const { command, args } = release.settings.run ?? {};
  return {
    name: MODEL_CONTAINER,
    image,
    imagePullPolicy: "IfNotPresent",
    ...(command === undefined ? {} : { command }),
    ...(args === undefined ? {} : { args }),
    env: environment(wanted),
    ports: [{ name: PORT, containerPort: port, protocol: "TCP" }],
    startupProbe: {
      ...question(wanted),
      periodSeconds: 1,
      failureThreshold: Math.max(1, seconds(release.settings.limits.readyMs)),
    },
    readinessProbe: { ...question(wanted), periodSeconds: 1, failureThreshold: 3 },
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_S } } },
    resources: resources(release.settings.limits),
    securityContext: cage(wanted),
    volumeMounts: mounts(wanted),
  };
}

/** The manifest's path when it names one; else only that it listens, since nothing says which path is good. */
function question({ release }: KubeWanted): Probe {
  const { ready } = release.settings;
  const asked = ready === undefined ? { tcpSocket: { port: PORT } } : { httpGet: { path: ready, port: PORT } };
  return { ...asked, timeoutSeconds: 2 };
}

function environment({ release, port }: KubeWanted): EnvVar[] {
  const { env, secrets, secretFiles = [] } = release.settings;
  const from = envSecretName(release.service, release.id);
  return [
    ...(env["PORT"] === undefined ? [{ name: "PORT", value: String(port) }] : []),
    ...Object.entries(env).map(([name, value]) => ({ name, value })),
    ...secrets.map((name) =>
      secretFiles.includes(name)
        ? { name: `${name}_FILE`, value: `${FILES}/${name}` }
        : { name, valueFrom: { secretKeyRef: { name: from, key: name } } },
    ),
  ];
}

/** Memory is a promise, so what is asked for is what may be had; of processor time only the share is asked for. */
function resources({ memory, cpus, disk, gpus }: Limits): {
  requests: Record<string, string>;
  limits: Record<string, string>;
} {
  const shared = {
    ...(memory === undefined ? {} : { memory: String(memory) }),
    ...(disk === undefined ? {} : { "ephemeral-storage": String(disk) }),
  };
  return {
    requests: { ...shared, ...(cpus === undefined ? {} : { cpu: `${Math.round(cpus * 1000)}m` }) },
    limits: { ...shared, ...(gpus === undefined ? {} : { "nvidia.com/gpu": String(gpus) }) },
  };
}

function cage(wanted: KubeWanted): SecurityContext {
  const add = isRestricted(wanted) ? {} : { add: CAPABILITIES };
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"], ...add },
    ...(wanted.release.settings.readOnly === true ? { readOnlyRootFilesystem: true } : {}),
  };
}

function volumesOf({ release }: KubeWanted): Volume[] {
  const { limits, readOnly, secrets } = release.settings;
  const from = envSecretName(release.service, release.id);
  const shm = limits.shm === undefined ? {} : { sizeLimit: String(limits.shm) };
  return [
    { name: "shm", emptyDir: { medium: "Memory", ...shm } },
    ...(readOnly === true ? [{ name: "tmp", emptyDir: { medium: "Memory", sizeLimit: TMP } }] : []),
    ...(secrets.length === 0 ? [] : [{ name: "secrets", secret: { secretName: from, defaultMode: 0o444 } }]),
  ];
}

function mounts({ release }: KubeWanted): VolumeMount[] {
  const { readOnly, secrets } = release.settings;
  return [
    { name: "shm", mountPath: "/dev/shm" },
    ...(readOnly === true ? [{ name: "tmp", mountPath: "/tmp" }] : []),
    ...(secrets.length === 0 ? [] : [{ name: "secrets", mountPath: FILES, readOnly: true }]),
  ];
}

const seconds = (ms: number): number => Math.ceil(ms / 1000);
