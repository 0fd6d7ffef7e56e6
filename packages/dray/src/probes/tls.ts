import tls, { type DetailedPeerCertificate, type PeerCertificate } from "node:tls";
import { orAborted, since } from "drayage-clock";
import type { CertificateFacts, Evidence } from "../core/evidence.ts";

/** What OpenSSL says when the other side does not speak TLS at all. */
const NOT_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNKNOWN_PROTOCOL|ECONNRESET|EPIPE/;

/** Shakes hands without believing anything, then says what a client that believes nobody would find. `through`: the address that is asked for the name. */
export async function askTls(
  { host, port, through = host }: { host: string; port: number; through?: string | undefined },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<NonNullable<Evidence["tls"]>> {
  signal.throwIfAborted();
  const startedAt = performance.now();
  const named = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
  const socket = tls.connect({ host: through, port, rejectUnauthorized: false, ...named });
  let late: NodeJS.Timeout | undefined;
  const shaken = new Promise<NonNullable<Evidence["tls"]>>((resolve) => {
    const settle = (facts: Omit<NonNullable<Evidence["tls"]>, "ms">): void =>
      resolve({ ...facts, ms: since(startedAt) });
    late = setTimeout(() => settle({ handshake: "failed", code: "no answer" }), timeoutMs);
    socket.once("secureConnect", () => {
      const peer = socket.getPeerCertificate(true);
      const wrongName = tls.checkServerIdentity(host, peer);
      const problem = socket.authorized ? undefined : String(socket.authorizationError);
      const code = problem ?? (wrongName === undefined ? undefined : "ERR_TLS_CERT_ALTNAME_INVALID");
      settle({ handshake: "done", ...(code === undefined ? {} : { code }), certificate: factsOf(peer, code) });
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message;
      settle({ handshake: NOT_TLS.test(code) ? "not-tls" : "failed", code });
    });
  });
  try {
    return await orAborted(shaken, signal);
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}

function factsOf(peer: DetailedPeerCertificate | PeerCertificate, problem: string | undefined): CertificateFacts {
  const names = (peer.subjectaltname ?? "").split(", ").flatMap((each) => each.replace(/^(DNS|IP Address):/, "") || []);
  const subject = String(peer.subject?.CN ?? "");
  return {
    subject,
    names: names.length > 0 ? names : [subject],
    issuer: String(peer.issuer?.O ?? peer.issuer?.CN ?? "itself"),
    from: Date.parse(peer.valid_from),
    to: Date.parse(peer.valid_to),
    ...(problem === undefined ? {} : { problem }),
  };
}
