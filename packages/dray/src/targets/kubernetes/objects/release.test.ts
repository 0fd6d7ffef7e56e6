import { describe, expect, test } from "vitest";
import { leaseOf, readRecord, readRelease, recordMap } from "./record.ts";
import { releaseMap, releaseObjects } from "./release.ts";
import { routeTo, servedBy, verdictOn } from "./route.ts";
import type { KubeWanted } from "./wanted.ts";
import { kubeWanted, releaseOf } from "../../../../../../test/contract/releases.ts";

const WANTED = kubeWanted(
  releaseOf("r1", {
    ready: "/health",
    replicas: 2,
    env: { MODE: "fast" },
    secrets: ["TOKEN", "KEY"],
    secretFiles: ["KEY"],
    readOnly: true,
    limits: { timeoutMs: 60_000, readyMs: 90_000, drainMs: 30_000, memory: 512, cpus: 0.5, shm: 64 },
  }),
  { size: { min: 2, max: 6 }, user: { uid: 1000 } },
);
const SECRETS = new Map([
  ["TOKEN", { reveal: () => "t\n" }],
  ["KEY", { reveal: () => "k" }],
]);

interface Body {
  kind: string;
  metadata: { name: string };
  immutable?: boolean;
  data?: object;
  spec: Record<string, never> & {
    template: { spec: Record<string, unknown> & { containers: Record<string, unknown>[] } };
  };
}
const objectsOf = (wanted: KubeWanted): Map<string, Body> =>
  new Map(releaseObjects(wanted, SECRETS, undefined).map((each) => [each.kind, each as unknown as Body]));
const podOf = (wanted: KubeWanted): Body["spec"]["template"]["spec"] => {
  const found = objectsOf(wanted).get("Deployment");
  if (found === undefined) throw new TypeError("no Deployment");
  return found.spec.template.spec;
};

describe("a release's objects", () => {
  test("all have its name, and the policy comes before the pods that it is about", () => {
    expect([...objectsOf(WANTED)].map(([kind, { metadata }]) => `${kind} ${metadata.name}`)).toEqual([
      "Secret decisions-r1-env",
      "NetworkPolicy decisions-r1",
      "Deployment decisions-r1",
      "Service decisions-r1",
      "PodDisruptionBudget decisions-r1",
      "HorizontalPodAutoscaler decisions-r1",
    ]);
  });

  test("an autoscaler's number of pods is not applied, a fixed one is", () => {
    expect(objectsOf(WANTED).get("Deployment")?.spec).not.toHaveProperty("replicas");
    const fixed = objectsOf({ ...WANTED, size: { min: 2, max: 2 } });
    expect(fixed.get("Deployment")?.spec).toHaveProperty("replicas", 2);
    expect(fixed.has("HorizontalPodAutoscaler")).toBe(false);
  });

  test("a single pod has no budget: it would keep its node from being emptied", () => {
    expect(objectsOf({ ...WANTED, size: { min: 1, max: 1 } }).has("PodDisruptionBudget")).toBe(false);
  });

  test("a secret's bytes arrive as they are, and cannot be changed under a release that runs", () => {
    const secret = objectsOf(WANTED).get("Secret");
    expect(secret).toMatchObject({ immutable: true, data: { TOKEN: Buffer.from("t\n").toString("base64") } });
  });

  test("metadata: true opens the way to the cloud's metadata", () => {
    const { release } = WANTED;
    const open = { ...WANTED, release: { ...release, settings: { ...release.settings, metadata: true } } };
    expect(objectsOf(open).has("NetworkPolicy")).toBe(false);
  });
});

describe("its pods", () => {
  test("stop getting requests before they are told to end, and may finish those they have", () => {
    const pod = podOf(WANTED);
    expect(pod["terminationGracePeriodSeconds"]).toBe(40);
    expect(pod.containers[0]).toMatchObject({ lifecycle: { preStop: { sleep: { seconds: 10 } } } });
  });

  test("have as long to start as limits.ready says, and are asked every second; busy ones are not killed", () => {
    const [container] = podOf(WANTED).containers;
    const question = { httpGet: { path: "/health", port: "http" }, periodSeconds: 1 };
    expect(container).toMatchObject({ startupProbe: { ...question, failureThreshold: 90 }, readinessProbe: question });
    expect(container).not.toHaveProperty("livenessProbe");
  });

  test("get secrets as variables or files, and PORT", () => {
    const [container] = podOf(WANTED).containers;
    expect(container?.["env"]).toEqual([
      { name: "PORT", value: "8080" },
      { name: "MODE", value: "fast" },
      { name: "TOKEN", valueFrom: { secretKeyRef: { name: "decisions-r1-env", key: "TOKEN" } } },
      { name: "KEY_FILE", value: "/run/secrets/KEY" },
    ]);
  });

  test("are restricted where the user is a number and not 0, else baseline", () => {
    const restricted = podOf(WANTED);
    expect(restricted).toMatchObject({ securityContext: { runAsNonRoot: true, runAsUser: 1000 } });
    expect(restricted.containers[0]).toMatchObject({
      securityContext: { capabilities: { drop: ["ALL"] }, readOnlyRootFilesystem: true },
    });
    expect(restricted.containers[0]).not.toHaveProperty("securityContext.capabilities.add");
    const baseline = podOf({ ...WANTED, user: {} });
    expect(baseline).not.toHaveProperty("securityContext.runAsNonRoot");
    expect(baseline.containers[0]).toHaveProperty("securityContext.capabilities.add");
  });

  test("are promised their memory, and a share of the processors", () => {
    expect(podOf(WANTED).containers[0]).toMatchObject({
      resources: { requests: { memory: "512", cpu: "500m" }, limits: { memory: "512" } },
    });
  });
});

describe("what is written down", () => {
  test("a release is read back as it was", () => {
    expect(readRelease(releaseMap(WANTED, undefined))).toEqual(WANTED);
  });

  test("a record is read back, and a newer dray's is refused", () => {
    const map = recordMap("decisions", { current: "r2", previous: "r1", standby: false, served: ["r1", "r2"] });
    expect(readRecord(map)).toEqual({ v: 1, current: "r2", previous: "r1", standby: false, served: ["r1", "r2"] });
    const newer = { ...map, data: { "record.json": '{"v": 2}' } };
    expect(() => readRecord(newer)).toThrow("written by a newer dray");
  });

  test("a lock is a Lease of the version that was read", () => {
    const lease = leaseOf(
      "decisions",
      { who: "me", at: "now", seconds: 30, process: "here/1" },
      { version: "7", owner: undefined },
    );
    expect(lease).toMatchObject({
      metadata: { name: "decisions-drayage", resourceVersion: "7" },
      spec: { holderIdentity: "me" },
    });
  });
});

describe("the route", () => {
  const front = { service: "decisions", gateway: { namespace: "infra", name: "public" }, timeoutMs: 60_000 };

  test("names one release, and says in each answer which", () => {
    const route = routeTo({ ...front, domain: "api.test", prefix: "/loans" }, "r1", undefined);
    expect(servedBy(route)).toBe("r1");
    expect(route.spec).toMatchObject({
      parentRefs: [{ namespace: "infra", name: "public" }],
      hostnames: ["api.test"],
      rules: [
        {
          matches: [{ path: { value: "/loans" } }],
          backendRefs: [{ name: "decisions-r1", port: 80, weight: 1 }],
          timeouts: { request: "60s" },
        },
      ],
    });
    expect(JSON.stringify(route)).toContain('{"name":"x-dray-release","value":"r1"}');
  });

  test("a gateway's word on an older version of it counts for nothing", () => {
    const route = routeTo(front, "r1", undefined);
    const told = (observedGeneration: number, status: "True" | "False"): typeof route => ({
      ...route,
      metadata: { ...route.metadata, generation: 2 },
      status: {
        parents: [
          {
            parentRef: { name: "public" },
            controllerName: "x",
            conditions: ["Accepted", "ResolvedRefs"].map((type) => ({
              type,
              status,
              observedGeneration,
              reason: "R",
              message: "m",
            })),
          },
        ],
      },
    });
    expect(verdictOn(told(1, "True"))).toBeUndefined();
    expect(verdictOn(told(2, "True"))).toEqual({ taken: true, why: "" });
    expect(verdictOn(told(2, "False"))).toEqual({ taken: false, why: "R: m" });
  });
});
