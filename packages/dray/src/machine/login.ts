import { createHash } from "node:crypto";

/** As whom a machine's sshd let this computer in: its own words, where `who` of a record is only what the caller says. */
export interface MachineLogin {
  user: string;
  /** The address that it came from. */
  from?: string;
  /** SHA-256 of the key that was shown, as `ssh-keygen -l` prints it; sshd tells with `ExposeAuthInfo yes`. */
  key?: string;
}

export type AskLogin = () => Promise<MachineLogin | undefined>;
/** Where there is no sshd between. */
export const askNobody: AskLogin = () => Promise.resolve(undefined);

/** Lines of a POSIX shell that say it. */
export const ASK_LOGIN = `echo "login $(id -un) $SSH_CONNECTION"; [ -z "$SSH_USER_AUTH" ] || cat "$SSH_USER_AUTH"`;

/** Reads their answer; undefined where it is none. */
export function parseLogin(said: string): MachineLogin | undefined {
  const [, user, from] = /^login (\S+)(?: (\S+))?/m.exec(said) ?? [];
  if (user === undefined) return undefined;
  const [, blob] = /^publickey \S+ ([A-Za-z0-9+/=]+)/m.exec(said) ?? [];
  return {
    user,
    ...(from === undefined ? {} : { from }),
    ...(blob === undefined ? {} : { key: fingerprint(blob) }),
  };
}

function fingerprint(blob: string): string {
  const sum = createHash("sha256").update(Buffer.from(blob, "base64")).digest("base64");
  return `SHA256:${sum.replace(/=+$/, "")}`;
}
