/** Where in a file something is wrong; `line` and `column` count from 1. */
export interface FailurePlace {
  file: string;
  line: number;
  column: number;
  /** The lines around the place, ready to print. */
  frame?: string;
}

/** Exit codes of `dray`: what a script may rely on. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  manifest: 3,
  unreachable: 4,
  refused: 5,
  locked: 6,
  rolledBack: 7,
  interrupted: 130,
} as const;

/** Every failure a user can meet: its code, what it means, and the exit code. docs/failures.md is made from this table. */
export const CODES = {
  "manifest.missing": [
    EXIT.manifest,
    "There is no manifest and the command line does not say enough to do without one.",
  ],
  "manifest.syntax": [EXIT.manifest, "The manifest is not valid YAML."],
  "manifest.invalid": [EXIT.manifest, "A value in the manifest is not what the schema allows."],
  "manifest.unknown-key": [EXIT.manifest, "The manifest has a key that Drayage does not know."],
  "manifest.duplicate-key": [EXIT.manifest, "A key of the manifest is written twice."],
  "manifest.duplicate-machine": [EXIT.manifest, "Two machines have one name, or are the same machine."],
  "manifest.environment": [
    EXIT.manifest,
    "The manifest has environments and the command names none, or one that is not there; or two are one endpoint.",
  ],
  "manifest.secret-missing": [EXIT.manifest, "A secret named in the manifest has no value here."],
  "hook.failed": [EXIT.failed, "A command of the manifest's `on:` failed; the deploy's outcome stands as it is."],
  "golden.invalid": [EXIT.manifest, "The golden file is not JSON, or not a list of requests with expectations."],
  "usage.invalid": [EXIT.usage, "The command line does not make sense."],
  "usage.declined": [EXIT.usage, "The plan was not confirmed."],
  "promote.nothing": [EXIT.refused, "The environment to promote from serves nothing."],
  "promote.mixed": [EXIT.refused, "The environment to promote from serves different images on its machines."],
  "ssh.missing": [EXIT.unreachable, "There is no ssh program on this computer."],
  "ssh.unknown-host": [EXIT.unreachable, "The machine's name does not resolve to an address."],
  "ssh.unreachable": [EXIT.unreachable, "No answer from the machine's SSH port."],
  "ssh.refused": [EXIT.unreachable, "The machine is there, but nothing listens on its SSH port."],
  "ssh.key-denied": [EXIT.unreachable, "The machine does not accept this user with any key that was offered."],
  "ssh.host-key-changed": [EXIT.unreachable, "The machine shows another host key than the one known."],
  "ssh.host-key-unknown": [EXIT.unreachable, "The machine's host key is not known yet."],
  "ssh.forwarding-denied": [EXIT.unreachable, "The machine's SSH server does not allow a forwarding that is needed."],
  "ssh.control-folder": [EXIT.refused, "The folder for ssh's shared connections is not this user's alone."],
  "ssh.no-key": [EXIT.refused, "There is no SSH key on this computer that a new machine could be given."],
  "ssh.failed": [EXIT.unreachable, "ssh ended with an error that has no code of its own."],
  "docker.missing": [EXIT.refused, "Docker is not installed on the machine."],
  "docker.not-running": [EXIT.refused, "Docker is installed on the machine, but its daemon does not run."],
  "docker.permission": [EXIT.refused, "The user may not use Docker on the machine."],
  "docker.version": [EXIT.refused, "The machine's Docker Engine does not speak an API version that Drayage knows."],
  "docker.local-missing": [EXIT.refused, "No Docker Engine answers on this computer, and one is needed."],
  "docker.failed": [EXIT.failed, "The Docker Engine answered with an error that has no code of its own."],
  "machine.disk-full": [EXIT.refused, "There is not enough free disk on the machine for the image."],
  "machine.no-room": [EXIT.refused, "The new release does not fit on the machine beside the old one."],
  "machine.no-folder": [EXIT.refused, "The machine has no folder where the manifest's volumes name one."],
  "machine.no-runtime": [
    EXIT.refused,
    "The machine's engine does not have the container runtime that the manifest names.",
  ],
  "machine.no-disk-limit": [
    EXIT.refused,
    "The machine's engine cannot limit what a container writes to its own files.",
  ],
  "machine.metadata-open": [
    EXIT.refused,
    "Replicas on the machine can ask the cloud's metadata server, where the machine's own login lies.",
  ],
  "machine.no-network": [
    EXIT.refused,
    "The machine's engine has no room for another network, or a network has no free address.",
  ],
  "machine.port-taken": [EXIT.refused, "The edge's port is used by something else on the machine."],
  "machine.setup-unsupported": [EXIT.refused, "`dray machine setup` does not know this operating system."],
  "machine.setup-failed": [EXIT.failed, "Installing Docker on the machine failed."],
  "machine.not-clean": [EXIT.failed, "Something that Drayage made could not be removed from the machine."],
  "backup.nothing": [EXIT.refused, "The machine has no service of Drayage's that could be backed up."],
  "backup.in-use": [EXIT.refused, "The machine that a backup is to be restored to has services of its own."],
  "backup.unwritable": [EXIT.refused, "The file of a backup cannot be written on this computer."],
  "backup.unreadable": [EXIT.refused, "The file is no backup, is damaged, or was made by a newer Drayage."],
  "sealed.unreadable": [EXIT.refused, "The passphrase does not open the file, or the file is damaged."],
  "image.no-healthcheck": [EXIT.refused, "The image's HEALTHCHECK is to say when a release is ready, and it has none."],
  "image.bad-name": [EXIT.usage, "An image cannot have this name."],
  "image.not-found": [EXIT.refused, "The image is neither on this computer nor in a registry the machine can reach."],
  "registry.insecure": [
    EXIT.refused,
    "A registry leads to an address without TLS, where a login would be read by others.",
  ],
  "registry.unreachable": [
    EXIT.unreachable,
    "The image's registry is not found or not reached, or its certificate is not trusted.",
  ],
  "registry.unauthorized": [EXIT.refused, "The registry wants a login, or rejects the one that was found."],
  "registry.denied": [EXIT.refused, "The registry accepts the login, but it may not pull that image."],
  "registry.no-repository": [EXIT.refused, "The registry has no repository of that name."],
  "target.unsupported": [EXIT.refused, "The manifest's target cannot do that."],
  "google.unauthorized": [EXIT.refused, "There is no login for Google Cloud, or Google rejects it."],
  "google.denied": [EXIT.refused, "Google Cloud accepts the login, but it lacks a permission; the message names it."],
  "google.no-project": [EXIT.usage, "No Google Cloud project is configured."],
  "google.api-disabled": [EXIT.refused, "A Google API is not enabled in the project."],
  "google.quota": [EXIT.refused, "A quota of the project does not allow it."],
  "google.taken": [EXIT.refused, "The name is taken by something that Drayage did not create."],
  "google.not-found": [EXIT.refused, "Google Cloud does not know the resource."],
  "google.unreachable": [EXIT.unreachable, "This computer does not reach Google's API."],
  "google.failed": [EXIT.failed, "Google Cloud did not do as asked; its own words are given."],
  "kubernetes.no-config": [EXIT.usage, "There is no kubeconfig, or it lacks what it or the manifest names."],
  "kubernetes.unreachable": [EXIT.unreachable, "This computer does not reach the cluster's API server."],
  "kubernetes.login": [EXIT.refused, "The login to the cluster cannot be had, has ended, or is not accepted."],
  "kubernetes.denied": [EXIT.refused, "The user may not do that in the cluster; verb and resource are named."],
  "kubernetes.not-found": [EXIT.refused, "The cluster does not have that object, or does not know its kind."],
  "kubernetes.changed": [EXIT.refused, "Somebody else changed the same object at the same time."],
  "kubernetes.taken": [EXIT.refused, "A field of an object belongs to somebody else, who is named."],
  "kubernetes.invalid": [EXIT.refused, "The API server does not take a field's value; the message names the field."],
  "kubernetes.policy": [EXIT.refused, "The namespace's pod security does not allow the pods as they are."],
  "kubernetes.quota": [EXIT.refused, "A quota of the namespace does not allow it."],
  "kubernetes.webhook": [EXIT.refused, "A webhook of the cluster's refuses the object, or does not answer."],
  "kubernetes.no-room": [EXIT.refused, "No node of the cluster has room for the pods, or fits them."],
  "kubernetes.no-gateway": [EXIT.refused, "There is no Gateway to come in by, or there are several and none is named."],
  "kubernetes.route": [EXIT.failed, "The Gateway does not take the service's route, or does not lead to it."],
  "kubernetes.failed": [EXIT.failed, "The cluster did not do as asked; its own words are given."],
  "image.wrong-arch": [EXIT.refused, "The image is for another processor architecture than the machine's."],
  "image.no-port": [EXIT.failed, "The image does not say which port it listens on, and none was found."],
  "image.several-ports": [
    EXIT.refused,
    "Several ports of the image could be the API's, and nothing says which one is.",
  ],
  "image.build-failed": [EXIT.failed, "Building the image failed."],
  "image.needs-buildkit": [
    EXIT.refused,
    "The Dockerfile needs BuildKit, and docker on this computer builds without it.",
  ],
  "image.no-dockerfile": [EXIT.manifest, "There is no Dockerfile where the manifest says to build."],
  "image.no-model": [EXIT.manifest, "There is no model file where the manifest says."],
  "image.bad-model": [EXIT.refused, "The model, its schema or its golden request cannot be served."],
  "image.no-parts": [EXIT.unreachable, "A part of an image that Drayage puts together could not be fetched."],
  "image.not-what-it-claims": [EXIT.refused, "A registry sent other bytes than the digest names."],
  "image.no-base": [EXIT.refused, "There is no base image for the machine's processor."],
  "image.carry-failed": [EXIT.failed, "The image did not arrive on the machine."],
  "weights.missing": [EXIT.refused, "The weights are not where the manifest says."],
  "weights.refused": [EXIT.refused, "The weights' source does not give them to the login that was found."],
  "weights.mismatch": [EXIT.refused, "The weights' bytes are not those that the manifest names."],
  "weights.unreachable": [EXIT.unreachable, "Neither the machine nor this computer reaches the weights' source."],
  "weights.cut": [EXIT.unreachable, "The weights did not arrive on the machine; what has come is kept."],
  "release.crashed": [EXIT.failed, "The release's container ended before it was ready."],
  "release.out-of-memory": [
    EXIT.failed,
    "The release's container was killed because it needs more memory than its limit.",
  ],
  "release.not-ready": [EXIT.failed, "The release did not become ready in time."],
  "release.localhost-only": [
    EXIT.failed,
    "The release listens on 127.0.0.1 inside its container, where nobody else can reach it.",
  ],
  "release.wrong-port": [EXIT.failed, "The release listens on another port than the one expected."],
  "release.protocol": [EXIT.failed, "The release speaks another HTTP than `protocol` in the manifest says."],
  "release.host-refused": [
    EXIT.failed,
    "The release refuses the name that clients call it by: its framework has a list of allowed hosts.",
  ],
  "container.unknown": [EXIT.failed, "The machine has no container of this name."],
  "with.unknown": [EXIT.failed, "The service has no container of this name beside it."],
  "with.failed": [
    EXIT.failed,
    "A container beside the service ended, or its image calls it unhealthy; nothing was switched.",
  ],
  "release.before-failed": [EXIT.failed, "The program that `before:` names did not end well; nothing was switched."],
  "release.golden-wrong": [EXIT.failed, "The release answered the golden request, but not as expected."],
  "release.rolled-back": [
    EXIT.rolledBack,
    "The release was worse than the old one with real traffic, and the old one got it back.",
  ],
  "release.none-before": [EXIT.refused, "There is no release to go back to."],
  "release.unknown": [EXIT.refused, "No such release is kept on the machine."],
  "release.stopped": [EXIT.refused, "The release is kept, and none of its replicas runs."],
  "state.newer": [EXIT.refused, "A newer version of Drayage wrote the machine's state, and this one would spoil it."],
  "state.unreadable": [EXIT.refused, "The machine's state is not as Drayage writes it."],
  "service.unknown": [EXIT.refused, "The service does not run on this machine."],
  "service.route-taken": [EXIT.refused, "Another service already answers on this route of the machine's edge."],
  "service.locked": [EXIT.locked, "Somebody else is changing this service right now."],
  "service.lock-lost": [
    EXIT.locked,
    "The lock on the service was lost while it was being changed; nothing more was done.",
  ],
  "image.no-command": [
    EXIT.refused,
    "There is no program to run: neither the image nor the manifest names one that is there.",
  ],
  "image.no-user": [EXIT.refused, "The image does not have the user that the manifest names."],
  "secrets.unknown": [EXIT.refused, "The live release has no secret of that name."],
  "keys.open": [EXIT.refused, "The service would be open to everybody, and nothing says that this is meant."],
  "keys.taken": [EXIT.refused, "A caller of that name has a key already."],
  "keys.unknown": [EXIT.refused, "No caller of that name has a key."],
  "shadow.none": [EXIT.refused, "There is no shadow: no release gets copies of requests."],
  "alerts.none": [EXIT.refused, "The service has no alerts on that machine."],
  "alerts.failed": [EXIT.failed, "A test alert could not be sent."],
  "requests.none": [EXIT.refused, "No request of the service was kept in that time."],
  "requests.no-baseline": [EXIT.refused, "There is nothing that the requests could be compared with."],
  "keeper.none": [EXIT.refused, "There is no keeper on the machine yet."],
  "keeper.failed": [EXIT.failed, "The container beside the edge that looks after certificates did not come up."],
  "tls.no-certificate": [
    EXIT.failed,
    "There is no certificate yet; the CA's reason is named. The endpoint serves plain HTTP meanwhile, and the keeper goes on trying.",
  ],
  "tls.bad-certificate": [EXIT.usage, "The manifest's own certificate or key cannot be used."],
  "edge.failed": [EXIT.failed, "The edge did not take its new configuration; the old one is still in force."],
  "batch.other-rows": [EXIT.usage, "Answers were begun with other rows, or with another route of the API."],
  "batch.two-writers": [EXIT.refused, "Two runs of `dray batch` write the same answers."],
  "batch.stopped": [
    EXIT.failed,
    "The service answers no row any more, or tells every row the same refusal; the same command goes on from there.",
  ],
  "request.no-file": [EXIT.usage, "A file that a request is to carry cannot be read."],
  "request.failed": [EXIT.failed, "The request got no answer, or not the one expected."],
  "fleet.partly-failed": [EXIT.failed, "Some machines of the fleet failed; the others carry the new release."],
  "runs.unknown": [EXIT.usage, "The journal on this computer has no such run."],
  "runs.unreadable": [EXIT.refused, "A run's journal is not readable, or a newer version of Drayage wrote it."],
  "upgrade.unknown": [EXIT.unreachable, "The newest version of Drayage is not known: npm's registry gave no answer."],
  "connection-lost": [EXIT.unreachable, "A connection ended in the middle of the work."],
  interrupted: [EXIT.interrupted, "Stopped by Ctrl-C; what was begun has been undone."],
  "timed-out": [EXIT.failed, "An answer did not arrive within its time limit."],
  bug: [EXIT.failed, "Something happened that Drayage's authors did not expect."],
} as const satisfies Record<string, readonly [number, string]>;

export type Code = keyof typeof CODES;

interface FailureOptions {
  hint?: string;
  place?: FailurePlace;
  /** More evidence, a line each: last log lines, what listens where. */
  details?: readonly string[];
  cause?: unknown;
}

/** The one kind of error that is meant for a user: a code, one sentence, and what to do next. */
export class Failure extends Error {
  readonly code: Code;
  readonly hint: string | undefined;
  readonly place: FailurePlace | undefined;
  readonly details: readonly string[];

  constructor(code: Code, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "Failure";
    this.code = code;
    this.hint = options.hint;
    this.place = options.place;
    this.details = options.details ?? [];
  }

  get exitCode(): number {
    return CODES[this.code][0];
  }
}

/** A deadline that passed; who listens to a signal may put an AbortError of its own around it. */
function isLate(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if (error.name === "TimeoutError") return true;
  return error.name === "AbortError" && error.cause instanceof Error && error.cause.name === "TimeoutError";
}

/** Ends of connections, as Node names them: a link that was cut, an engine that was killed. */
const LOST = new Set(["ECONNRESET", "EPIPE", "ECONNREFUSED", "ETIMEDOUT", "ENOTCONN", "EHOSTUNREACH", "ENETUNREACH"]);

/** A connection that ended in the middle of the work. */
export function connectionLost(message: string, cause?: unknown): Failure {
  return new Failure("connection-lost", message, {
    hint: "run the same command again: it finishes what was begun; dray trace says where the way to a machine breaks",
    cause,
  });
}

/** Anything thrown, as a Failure: deadlines become `timed-out`, aborts `interrupted`, cut links `connection-lost`, surprises `bug`. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (isLate(error)) {
    return new Failure("timed-out", "there was no answer in time", {
      hint: "run the same command again; dray trace says where the way to a service ends",
      details: error.cause instanceof Error ? [error.cause.message] : [error.message],
      cause: error,
    });
  }
  if (error instanceof Error && error.name === "AbortError") {
    return new Failure("interrupted", "stopped before it was done", { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  if (LOST.has((error as NodeJS.ErrnoException | undefined)?.code ?? ""))
    return connectionLost(`a connection ended in the middle: ${message}`, error);
  return new Failure("bug", message, {
    cause: error,
    hint: "run it again with DRAY_DEBUG=1 and report what it prints",
  });
}
