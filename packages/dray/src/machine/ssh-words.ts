import { Failure } from "../base/failure.ts";

interface Meaning {
  said: RegExp;
  make: (host: string, said: string) => Failure;
}

// What OpenSSH prints (9.x and 10.x, also Win32-OpenSSH), most telling first.
const MEANINGS: readonly Meaning[] = [
  {
    said: /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    make: (host) =>
      new Failure("ssh.host-key-changed", `${host} shows another host key than the one you know`, {
        hint: `if the machine was made anew, forget the old key: ssh-keygen -R ${bare(host)}; if not, do not connect`,
      }),
  },
  {
    said: /Host key verification failed|No .* host key is known/,
    make: (host) =>
      new Failure(
        "ssh.host-key-unknown",
        `the host key of ${host} is not known yet, and nobody is here to confirm it`,
        {
          hint: `look at it once: ssh ${host}; or take it on trust this time: --accept-new-host-key`,
        },
      ),
  },
  {
    said: /Permission denied \(|Too many authentication failures/,
    make: (host, said) =>
      new Failure("ssh.key-denied", `${host} accepts none of your keys for this user`, {
        hint: `try: ssh ${host}; is the user right, and is your public key in the machine's ~/.ssh/authorized_keys?`,
        details: lastLines(said),
      }),
  },
  {
    said: /Could not resolve hostname/,
    make: (host) =>
      new Failure("ssh.unknown-host", `the name ${bare(host)} does not resolve to an address`, {
        hint: "check the spelling in dray.yaml, or add a Host entry to ~/.ssh/config",
      }),
  },
  {
    said: /Connection refused/,
    make: (host) =>
      new Failure("ssh.refused", `${bare(host)} is there, but nothing listens on its SSH port`, {
        hint: "is sshd running, and on port 22? another port goes into the manifest: ssh://user@host:2222",
      }),
  },
  {
    said: /timed out|No route to host|Network is unreachable|Connection closed by|Connection reset by/,
    make: (host, said) =>
      new Failure("ssh.unreachable", `no answer from ${bare(host)} on its SSH port`, {
        hint: "is the machine running, is this its external address, and does the firewall let TCP 22 in from here?",
        details: lastLines(said),
      }),
  },
  {
    said: /administratively prohibited|remote port forwarding failed|forwarding .*(refused|disabled)/i,
    make: (host, said) =>
      new Failure("ssh.forwarding-denied", `the SSH server of ${bare(host)} does not allow forwarding`, {
        hint: "set AllowTcpForwarding yes and AllowStreamLocalForwarding yes in its sshd_config",
        details: lastLines(said),
      }),
  },
];

/** What ssh's own words mean, as a Failure with the next thing to do. */
export function explainSsh(host: string, said: string): Failure {
  const meaning = MEANINGS.find((candidate) => candidate.said.test(said));
  if (meaning !== undefined) return meaning.make(host, said);
  return new Failure("ssh.failed", `ssh ${host} failed`, { hint: `try: ssh ${host}`, details: lastLines(said) });
}

function bare(host: string): string {
  return host.replace(/^ssh:\/\//, "").replace(/^[^@]*@/, "");
}

function lastLines(said: string): string[] {
  return said
    .trim()
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .slice(-3);
}
