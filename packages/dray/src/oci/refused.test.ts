import { expect, test } from "vitest";
import { Secret } from "../base/secret.ts";
import { checkName, parseReference } from "./reference.ts";
import { explainRefusal } from "./refused.ts";

const IMAGE = "us-central1-docker.pkg.dev/proj/models/decisions:1";
const login = { user: "oauth2accesstoken", password: new Secret("x"), from: "gcloud auth print-access-token" };

// What docker-registry 2.8, Docker's engines and Google's registry say.
test.each([
  ["unauthorized: authentication required", undefined, "registry.unauthorized", /gcloud auth login/],
  ["unauthorized: authentication failed", login, "registry.unauthorized", /expired/],
  [
    'denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/proj/locations/us-central1/repositories/models" (or it may not exist)',
    login,
    "registry.denied",
    /add-iam-policy-binding models --project proj --location us-central1 .*roles\/artifactregistry\.reader/,
  ],
  ["denied: requested access to the resource is denied", undefined, "registry.unauthorized", /gcloud auth login/],
  ['name unknown: Repository "models" not found', login, "registry.no-repository", /another location\? gcloud/],
  ["manifest unknown: manifest unknown", login, "image.not-found", /docker tags list/],
  [
    "Get https://us-centrall-docker.pkg.dev/v2/: dial tcp: lookup us-centrall-docker.pkg.dev: no such host",
    login,
    "registry.unreachable",
    /gcloud artifacts locations list/,
  ],
  ["x509: certificate signed by unknown authority", login, "registry.unreachable", /certs\.d\/us-central1/],
  ["dial tcp 203.0.113.9:443: i/o timeout", login, "registry.unreachable", /docker pull/],
])("%s", (said, by, code, hint) => {
  const failure = explainRefusal(new Error(said), { reference: parseReference(IMAGE), where: "vm", login: by });
  expect(failure.code).toBe(code);
  expect(failure.hint).toMatch(hint);
  expect(failure.details).toEqual([said]);
});

test("other registries get advice of their own", () => {
  const tried = { reference: parseReference("ghcr.io/me/app:1"), where: "vm", login: undefined };
  expect(explainRefusal(new Error("unauthorized"), tried).hint).toBe("docker login ghcr.io");
});

test("a name that Artifact Registry cannot have is refused before anybody is asked", () => {
  expect(() => checkName("us-central1-docker.pkg.dev/proj/decisions:1")).toThrow(/names no image of Artifact Registry/);
  expect(checkName(IMAGE).repository).toBe("proj/models/decisions");
  expect(checkName("ghcr.io/app").registry).toBe("ghcr.io");
});
