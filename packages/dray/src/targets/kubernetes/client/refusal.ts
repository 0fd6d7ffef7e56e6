import { Failure } from "../../../base/failure.ts";

/** What the API server says when it does not do as asked: a Status object. */
export interface Status {
  code?: number;
  reason?: string;
  message?: string;
  details?: {
    name?: string;
    kind?: string;
    causes?: { reason?: string; message?: string; field?: string }[];
  };
}

/** What was asked: `patch`, `deployments.apps`, in which namespace and which one. */
export interface Request {
  verb: string;
  resource: string;
  namespace?: string | undefined;
  name?: string | undefined;
}

const objectOf = ({ resource, name }: Request): string => (name === undefined ? resource : `${resource} ${name}`);
const whereOf = ({ namespace }: Request): string => (namespace === undefined ? "in the cluster" : `in ${namespace}`);

/** An apply of a field that the server's schema lacks ends as an error of the server's own, with code 500. */
const UNKNOWN_FIELD = /failed to create typed patch object.*?: (\S+): field not declared in schema/s;

type Row = (status: Status, asked: Request, text: string) => Failure | undefined;

/** Admission says its refusals with several codes, so its words are looked at before the code is. */
const ADMISSION: Row[] = [
  (_status, asked, text) => {
    const [, quota, details = ""] = /exceeded quota: ([^,]+), (.*)$/s.exec(text) ?? [];
    if (quota === undefined) return undefined;
    return new Failure(
      "kubernetes.quota",
      `${objectOf(asked)}: the namespace's quota ${quota} does not allow it: ${details}`,
      {
        hint: "ask the cluster's owner for more; or smaller limits, or fewer replicas, in the manifest",
      },
    );
  },
  (_status, asked, text) => {
    const [, level, details = ""] = /violates PodSecurity "([^"]+)": (.*)$/s.exec(text) ?? [];
    if (level === undefined) return undefined;
    return new Failure(
      "kubernetes.policy",
      `${objectOf(asked)}: the namespace takes only pods that are ${level}: ${details}`,
      {
        hint: "an image whose user is a number and not 0 can be run so: USER 1000 in the Dockerfile, or user: in the manifest",
      },
    );
  },
  (_status, asked, text) => {
    const [, hook, details = ""] = /admission webhook "([^"]+)" denied the request:? ?(.*)$/s.exec(text) ?? [];
    if (hook === undefined) return undefined;
    return new Failure(
      "kubernetes.webhook",
      `${objectOf(asked)}: the cluster's webhook ${hook} refuses it: ${details}`,
      {
        hint: "its owner knows what it wants; these are its own words",
      },
    );
  },
  (_status, asked, text) => {
    const [, hook, details = ""] = /failed calling webhook "([^"]+)":? ?(.*)$/s.exec(text) ?? [];
    if (hook === undefined) return undefined;
    return new Failure(
      "kubernetes.webhook",
      `${objectOf(asked)}: the cluster's webhook ${hook} did not answer: ${details}`,
      {
        hint: "nothing can be changed until it does: tell the cluster's owner",
      },
    );
  },
];

const BY_CODE: Record<number, Row> = {
  500: (status, asked, text) => (UNKNOWN_FIELD.test(text) ? invalid(status, asked, text) : undefined),
  400: invalid,
  401: () =>
    new Failure(
      "kubernetes.login",
      "the cluster does not accept the kubeconfig's login: it has ended, or is of another cluster",
      {
        hint: "log in again, as your cluster's docs say; kubectl auth whoami asks the same",
      },
    ),
  403: (_status, asked, text) => {
    const who = /User "([^"]+)"/.exec(text)?.[1] ?? "the kubeconfig's user";
    return new Failure("kubernetes.denied", `${who} may not ${asked.verb} ${asked.resource} ${whereOf(asked)}`, {
      hint: `ask the cluster's owner for a Role with the verb ${asked.verb} on ${asked.resource}`,
      details: [text],
    });
  },
  404: (_status, asked, text) =>
    new Failure("kubernetes.not-found", `there is no ${objectOf(asked)} ${whereOf(asked)}`, {
      hint: "kubectl get shows what there is; kubernetes: {namespace, context} in the manifest say where to look",
      details: [text],
    }),
  409: conflict,
  422: invalid,
};

/** A refusal of the API server's, as what it means for a user. */
export function refusal(status: Status, asked: Request): Failure {
  const text = status.message ?? "";
  for (const row of ADMISSION) {
    const failure = row(status, asked, text);
    if (failure !== undefined) return failure;
  }
  return (
    BY_CODE[status.code ?? 0]?.(status, asked, text) ??
    new Failure(
      "kubernetes.failed",
      `the API server did not ${asked.verb} ${objectOf(asked)}: ${text || status.code}`,
      {
        hint: "run the same command again; these are its own words",
      },
    )
  );
}

/** Another owner of a field (server-side apply), or another version than the one that was read. */
function conflict(status: Status, asked: Request, text: string): Failure {
  const causes = (status.details?.causes ?? []).filter(({ reason }) => reason === "FieldManagerConflict");
  if (causes.length === 0)
    return new Failure("kubernetes.changed", `${objectOf(asked)} was changed by somebody else at the same time`, {
      hint: "run the same command again",
      details: [text],
    });
  const owners = [
    ...new Set(causes.map(({ message }) => /conflict with "([^"]+)"/.exec(message ?? "")?.[1] ?? "somebody")),
  ];
  const fields = causes.map(({ field }) => field ?? "?").join(", ");
  return new Failure("kubernetes.taken", `${objectOf(asked)}: ${fields} belongs to ${owners.join(" and ")}`, {
    hint: "take it out of what that owner applies (Argo CD, Flux, kubectl), or give the service another name",
    details: [text],
  });
}

function invalid(status: Status, asked: Request, text: string): Failure {
  const causes = (status.details?.causes ?? []).filter(({ field }) => field !== undefined);
  const unknown = [...text.matchAll(/(?:unknown|duplicate) field "([^"]+)"/g), UNKNOWN_FIELD.exec(text) ?? []].flatMap(
    (match) => match[1] ?? [],
  );
  const said = causes.length > 0 ? causes.map(({ field, message }) => `${field}: ${message}`).join("; ") : text;
  const which = unknown.length > 0 ? `the cluster does not know ${unknown.join(", ")}` : said;
  return new Failure("kubernetes.invalid", `${objectOf(asked)} is refused: ${which}`, {
    hint: "the manifest's value behind it; an older cluster may not know a field yet",
    details: [text],
  });
}
