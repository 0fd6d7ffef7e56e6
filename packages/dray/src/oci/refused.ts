import { Failure } from "../base/failure.ts";
import type { Login } from "./login.ts";
import { artifactRepository, isGoogle, nameOf, type Reference } from "./reference.ts";

/** What was tried, and by whom. */
interface Tried {
  reference: Reference;
  /** This computer, or a machine's name. */
  where: string;
  login: Login | undefined;
  /** Something was to be put there. */
  pushing?: boolean;
}

/**
 * Why a registry gives or takes nothing, in words, with the fix. The engine hands on what the registry said
 * (distribution-spec 1.1, "Error Codes"), as text; registries differ in the words, hardly in the codes.
 */
export function explainRefusal(error: unknown, tried: Tried): Failure {
  // A login that could not be had has said why already.
  if (error instanceof Failure) return error;
  const said = saidBy(error);
  const { reference, where } = tried;
  const name = `${nameOf(reference)}${reference.version.startsWith("sha256:") ? "@" : ":"}${reference.version}`;
  const rest = { details: [said], cause: error };
  if (/no such host|ENOTFOUND|EAI_AGAIN|server misbehaving/i.test(said)) {
    return new Failure("registry.unreachable", `${where} does not find ${reference.registry}`, {
      hint: `is the registry's name right?${locationHint(reference)}`,
      ...rest,
    });
  }
  if (/x509|certificate|self.signed|UNABLE_TO_VERIFY/i.test(said)) {
    return new Failure("registry.unreachable", `${where} does not believe ${reference.registry}'s certificate`, {
      hint: `give it the registry's CA: /etc/docker/certs.d/${reference.registry}/ca.crt on a machine, NODE_EXTRA_CA_CERTS here`,
      ...rest,
    });
  }
  // Unauthorized before denied: some say "unauthorized: access denied".
  if (!/insufficient_scope/.test(said) && /unauthorized|authentication required|\b401\b|no basic auth/i.test(said))
    return unauthorized(name, tried, rest);
  if (/denied|forbidden|insufficient_scope|\b403\b/i.test(said)) {
    // Docker Hub and Google say the same of what is not there: who may not see it is not told.
    return tried.login === undefined ? unauthorized(name, tried, rest) : denied(name, tried, said, rest);
  }
  if (/name.?unknown|repository .*not found|repository name not known/i.test(said)) {
    return new Failure("registry.no-repository", `${reference.registry} has no repository for ${name}`, {
      hint: repositoryHint(reference),
      ...rest,
    });
  }
  if (/manifest.?unknown|not found|\b404\b/i.test(said)) {
    return new Failure("image.not-found", `${reference.registry} has no ${name}`, {
      hint: `is the tag right? ${listHint(reference)}`,
      ...rest,
    });
  }
  return new Failure("registry.unreachable", `${where} does not reach ${reference.registry}`, {
    hint: `dray can carry the image over ssh instead: docker pull ${name}, then run the same command again`,
    ...rest,
  });
}

type Rest = { details: string[]; cause: unknown };

function unauthorized(name: string, { reference: { registry }, login }: Tried, rest: Rest): Failure {
  const fix = isGoogle(registry)
    ? "gcloud auth login, or gcloud auth application-default login"
    : /\.dkr\.ecr\./.test(registry)
      ? "aws sso login, or aws configure"
      : `docker login ${registry}`;
  if (login === undefined) {
    return new Failure("registry.unauthorized", `${registry} wants a login for ${name}, and this computer has none`, {
      hint: fix,
      ...rest,
    });
  }
  return new Failure("registry.unauthorized", `${registry} does not take the login from ${login.from}`, {
    hint: `it has expired, or is another registry's: ${fix}`,
    ...rest,
  });
}

function denied(name: string, { reference, login, pushing }: Tried, said: string, rest: Rest): Failure {
  const place = artifactRepository(reference);
  const permission = /Permission "([\w.]+)" denied/.exec(said)?.[1];
  const verb = pushing === true ? "push" : "pull";
  const what = permission === undefined ? `may not ${verb}` : `lacks ${permission} to ${verb}`;
  const hint =
    place === undefined
      ? `a login that is taken says nothing of rights: ask the registry's owner for the right to ${verb}`
      : `gcloud artifacts repositories add-iam-policy-binding ${place.repository} --project ${place.project} --location ${place.location} --member user:YOU --role roles/artifactregistry.${pushing === true ? "writer" : "reader"}; the repository may also not exist`;
  return new Failure("registry.denied", `the login from ${login?.from} ${what} ${name}`, { hint, ...rest });
}

function locationHint(reference: Reference): string {
  const place = artifactRepository(reference);
  if (place === undefined) return "";
  return ` it begins with a location, and "${place.location}" may be none: gcloud artifacts locations list`;
}

function repositoryHint(reference: Reference): string {
  const place = artifactRepository(reference);
  if (place === undefined) return "is the name right? some registries want the repository made before";
  const { location, project, repository } = place;
  return `in another location? gcloud artifacts repositories list --project ${project} --filter name:${repository}; to make it: gcloud artifacts repositories create ${repository} --repository-format docker --location ${location} --project ${project}`;
}

function listHint(reference: Reference): string {
  if (artifactRepository(reference) === undefined) return "the registry's page lists what there is";
  return `gcloud artifacts docker tags list ${nameOf(reference)}`;
}

/** All that an error and its causes say; fetch hides the reason in its cause. */
function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? `${error.code} ` : "";
  const cause = error.cause instanceof Error ? `: ${saidBy(error.cause)}` : "";
  return `${code}${error.message}${cause}`;
}
