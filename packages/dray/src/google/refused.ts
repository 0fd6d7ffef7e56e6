import { Failure } from "../base/failure.ts";

/** An answer of Google's that is no success (google.rpc.Status in JSON; Compute's older form has `errors[].reason`). */
export class GoogleError extends Error {
  readonly status: number;
  /** `PERMISSION_DENIED`, `quotaExceeded`, `SERVICE_DISABLED`: the most telling word of the answer. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.name = "GoogleError";
    this.status = status;
    this.reason = reason;
  }

  static of(status: number, data: unknown): GoogleError {
    interface Body {
      error?: {
        message?: string;
        status?: string;
        errors?: { reason?: string }[];
        details?: { reason?: string }[];
      };
    }
    const { error } = (typeof data === "object" && data !== null ? data : {}) as Body;
    const reason =
      error?.details?.find((detail) => detail.reason !== undefined)?.reason ??
      error?.errors?.[0]?.reason ??
      error?.status ??
      "";
    return new GoogleError(status, reason, error?.message ?? `status ${status}`);
  }
}

interface Caller {
  project: string;
  /** Where the token came from. */
  from: string | undefined;
}

const LOGIN = "gcloud auth login, or gcloud auth application-default login";

/** Why Google does not do it, with the line that mends it. */
export function explainGoogle(error: unknown, { project, from }: Caller): Failure {
  if (error instanceof Failure) return error;
  const rest = { cause: error, details: [error instanceof Error ? error.message : String(error)] };
  if (!(error instanceof GoogleError)) {
    return new Failure("google.unreachable", "Google's API is not reached from this computer", {
      hint: "is there a way out to *.googleapis.com (port 443)? a proxy: HTTPS_PROXY",
      ...rest,
    });
  }
  const { status, reason, message } = error;
  if (reason === "NO_LOGIN")
    return new Failure("google.unauthorized", message, { hint: `${LOGIN}; or GOOGLE_OAUTH_ACCESS_TOKEN` });
  if (status === 401) {
    return new Failure(
      "google.unauthorized",
      `Google does not take the token from ${from}: it has expired, or is none`,
      {
        hint: LOGIN,
        ...rest,
      },
    );
  }
  if (/SERVICE_DISABLED|accessNotConfigured/.test(reason)) {
    const api = /([a-z]+\.googleapis\.com)/.exec(message)?.[1] ?? "compute.googleapis.com";
    return new Failure("google.api-disabled", `${api} is not enabled in project ${project}`, {
      hint: `gcloud services enable ${api} --project ${project}; then run the same command again`,
      ...rest,
    });
  }
  if (isQuota(error)) return quota(message, project, rest);
  if (status === 403) return denied(message, project, from, rest);
  if (status === 404) return new Failure("google.not-found", `Google knows no such thing: ${message}`, rest);
  if (status === 409) return new Failure("google.taken", `the name is taken: ${message}`, rest);
  return new Failure("google.failed", `Google answered ${status}: ${message}`, rest);
}

function isQuota({ status, reason, message }: GoogleError): boolean {
  return status === 429 || /quota/i.test(reason) || (status === 403 && /quota .*exceeded/i.test(message));
}

type Rest = { cause: unknown; details: string[] };

/** Also of an operation that ended so. */
export function quota(message: string, project: string, rest: Partial<Rest> = {}): Failure {
  const [, metric] = /quota '?([\w-]+)'?/i.exec(message) ?? [];
  return new Failure("google.quota", `the quota ${metric ?? "of the project"} is used up`, {
    hint: `another region or a smaller machine type; or ask for more: https://console.cloud.google.com/iam-admin/quotas?project=${project}`,
    details: [message],
    ...rest,
  });
}

/** The smallest predefined role that has a permission, by its first word. */
const ROLES: Record<string, string> = {
  compute: "roles/compute.instanceAdmin.v1",
  aiplatform: "roles/aiplatform.user",
  artifactregistry: "roles/artifactregistry.writer",
  logging: "roles/logging.viewer",
};
const OF_PERMISSION: Record<string, string> = {
  "compute.firewalls.create": "roles/compute.securityAdmin",
  "compute.firewalls.delete": "roles/compute.securityAdmin",
  "compute.addresses.create": "roles/compute.networkAdmin",
  "compute.addresses.delete": "roles/compute.networkAdmin",
  "iam.serviceAccounts.actAs": "roles/iam.serviceAccountUser",
};

function denied(message: string, project: string, from: string | undefined, rest: Rest): Failure {
  const permission = /'?\b([a-z]+\.[A-Za-z]+\.[A-Za-z]+)\b'?/.exec(message)?.[1];
  const role = permission && (OF_PERMISSION[permission] ?? ROLES[permission.split(".")[0] ?? ""]);
  return new Failure(
    "google.denied",
    `the login from ${from} lacks ${permission ?? "a permission"} in project ${project}`,
    {
      hint:
        role === undefined
          ? "ask the project's owner for the permission that is named below"
          : `gcloud projects add-iam-policy-binding ${project} --member user:YOU --role ${role}`,
      ...rest,
    },
  );
}
