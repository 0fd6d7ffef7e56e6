import { dialledTo, type Evidence, type Fault, type Healthy, served } from "../evidence.ts";

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const certificate = (found: Evidence): NonNullable<NonNullable<Evidence["tls"]>["certificate"]> | undefined =>
  found.tls?.certificate;
const SKEW_S = 300;

/** Seconds that this computer's clock is ahead of the others that were seen: the machine's, or the answer's Date. */
function skew(found: Evidence): number {
  const said = found.answer?.headers?.["date"];
  const theirs = said === undefined ? (found.machine?.clock ?? found.now / 1000) * 1000 : Date.parse(said);
  return Number.isFinite(theirs) ? (found.now - theirs) / 1000 : 0;
}

/** Would the certificate be in force if this computer's clock were right? */
function inForceElsewhere(found: Evidence): boolean {
  const cert = certificate(found);
  const right = found.now - skew(found) * 1000;
  return cert !== undefined && Math.abs(skew(found)) > SKEW_S && cert.from <= right && right <= cert.to;
}

const https = (found: Evidence, tls: NonNullable<Evidence["tls"]>): Evidence => ({
  ...found,
  target: { ...found.target, https: true, port: 443, url: "https://api.example.com/decisions" },
  tls,
  answer: { outcome: "tls", ms: 5 },
});

const withCertificate = (found: Evidence, problem: string, change: object = {}): Evidence =>
  https(found, {
    handshake: "done",
    ms: 5,
    code: problem,
    certificate: {
      subject: "api.example.com",
      names: ["api.example.com"],
      issuer: "R11",
      from: found.now - 60 * DAY,
      to: found.now + 30 * DAY,
      problem,
      ...change,
    },
  });

const DAY = 86_400_000;
const LIMITED = /rate.?limit|too many/i;

/** No client that believes only public CAs would go on. */
const untrusted = (found: Evidence): boolean =>
  certificate(found)?.problem !== undefined || found.tls?.handshake === "failed";

const refusedByCa = (found: Healthy, why: string, fix: string): Evidence => ({
  ...withCertificate(found, "DEPTH_ZERO_SELF_SIGNED_CERT", { issuer: "Drayage" }),
  record: { ...found.record, noCertificate: { why, fix, nextAt: "2026-01-01T12:00:00Z" } },
});

const DATES = ["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"];

/** HTTPS, its certificate, and clocks. */
export const TLS: readonly Fault[] = [
  {
    id: "tls-on-plain-port",
    hop: "tls",
    title: "HTTPS to a port that speaks plain HTTP",
    when: (found) => found.target.https && found.tls?.handshake === "not-tls" && dialledTo(found, "open"),
    why: (found) => `port ${found.target.port} speaks plain HTTP, and you ask it for https`,
    fix: (found) => `ask ${found.target.url.replace(/^https:/, "http:")}; for https there: domain: in the manifest`,
    outside: "wrong version number; a browser says ERR_SSL_PROTOCOL_ERROR.",
    byHand: "`curl http://HOST:PORT/` answers.",
    example: (found) => https(found, { handshake: "not-tls", code: "ERR_SSL_WRONG_VERSION_NUMBER", ms: 4 }),
  },
  {
    id: "plain-on-tls-port",
    hop: "tls",
    title: "Plain HTTP to a port that speaks TLS",
    when: (found) => !found.target.https && found.tls?.handshake === "done" && !served(found),
    why: (found) => `port ${found.target.port} speaks TLS, and you ask it for plain http`,
    fix: (found) => `ask ${found.target.url.replace(/^http:/, "https:")}`,
    outside: "400 plain HTTP request sent to HTTPS port, or an empty answer.",
    byHand: "`openssl s_client -connect HOST:PORT` shows a certificate.",
    example: (found) => ({ ...found, answer: { outcome: "reset", ms: 3 }, tls: { handshake: "done", ms: 5 } }),
  },
  {
    id: "clock-wrong",
    hop: "tls",
    title: "This computer's clock is wrong",
    when: (found) => DATES.includes(certificate(found)?.problem ?? "") && inForceElsewhere(found),
    why: (found) =>
      `this computer's clock is ${Math.round(Math.abs(skew(found)) / 3600)} hours ${skew(found) > 0 ? "ahead" : "behind"}: the certificate, good from ${day(certificate(found)?.from ?? 0)} to ${day(certificate(found)?.to ?? 0)}, looks out of date only here`,
    fix: () => "set it: sudo timedatectl set-ntp true",
    outside: "Certificate expired or not yet valid, on this computer only.",
    byHand: "`date -u` here against `curl -sI http://HOST | grep -i ^date`.",
    example: (found) => {
      const shown = withCertificate(found, "CERT_HAS_EXPIRED", { to: found.now - DAY });
      return { ...shown, machine: { ...found.machine, clock: (found.now - 20 * DAY) / 1000 } };
    },
  },
  {
    id: "certificate-rate-limited",
    hop: "tls",
    title: "The CA gives no more certificates for now",
    when: (found) => untrusted(found) && LIMITED.test(found.record?.noCertificate?.why ?? ""),
    why: (found) =>
      `the CA will give ${found.target.host} no certificate for a while: ${found.record?.noCertificate?.why}`,
    fix: (found) =>
      `wait: it is tried again at ${found.record?.noCertificate?.nextAt.slice(0, 16).replace("T", " ")} UTC; a staging CA has wider limits: tls: {acme: staging}`,
    outside: "self-signed certificate, or an old one that has expired.",
    byHand: "the ACME client's log: 429, rateLimited, and when to come again.",
    example: (found) => refusedByCa(found, "too many certificates already issued for example.com", "wait"),
  },
  {
    id: "certificate-not-issued",
    hop: "tls",
    title: "The CA has given no certificate",
    when: (found) => untrusted(found) && found.record?.noCertificate !== undefined,
    why: (found) => `${found.target.host} has no certificate: ${found.record?.noCertificate?.why}`,
    fix: (found) => `${found.record?.noCertificate?.fix}; it is then asked for again by itself`,
    outside: "self-signed certificate, or an old one that has expired.",
    byHand: "the ACME client's log: which challenge failed, and why.",
    example: (found) =>
      refusedByCa(
        found,
        "DNS problem: NXDOMAIN looking up A for api.example.com",
        "make an A record: api.example.com -> 203.0.113.7",
      ),
  },
  {
    id: "certificate-expired",
    hop: "tls",
    title: "The certificate has expired",
    when: (found) => certificate(found)?.problem === "CERT_HAS_EXPIRED",
    why: (found) => `the certificate of ${found.target.host} expired on ${day(certificate(found)?.to ?? 0)}`,
    fix: () =>
      "renew it where it was made (certbot renew), and see why the renewal stopped: port 80 must be open for it",
    outside: "certificate has expired.",
    byHand: "`openssl s_client -connect HOST:443 | openssl x509 -noout -dates`.",
    example: (found) => withCertificate(found, "CERT_HAS_EXPIRED", { to: found.now - DAY }),
  },
  {
    id: "certificate-not-yet-valid",
    hop: "tls",
    title: "The certificate is not valid yet",
    when: (found) => certificate(found)?.problem === "CERT_NOT_YET_VALID",
    why: (found) =>
      `the certificate of ${found.target.host} is good only from ${day(certificate(found)?.from ?? 0)} on`,
    fix: () => "was it made on a computer whose clock is ahead? set that clock and make it again",
    outside: "certificate is not yet valid.",
    byHand: "`openssl s_client -connect HOST:443 | openssl x509 -noout -dates`.",
    example: (found) => withCertificate(found, "CERT_NOT_YET_VALID", { from: found.now + DAY }),
  },
  {
    id: "certificate-wrong-name",
    hop: "tls",
    title: "The certificate is for another name",
    when: (found) => certificate(found)?.problem === "ERR_TLS_CERT_ALTNAME_INVALID",
    why: (found) =>
      `the certificate is for ${certificate(found)?.names.join(", ")}, and you ask for ${found.target.host}`,
    fix: (found) =>
      `ask https://${certificate(found)?.names[0]}, or have one made that also names ${found.target.host}`,
    outside: "no alternative certificate subject name matches.",
    byHand: "`openssl s_client -connect HOST:443 | openssl x509 -noout -ext subjectAltName`.",
    example: (found) => withCertificate(found, "ERR_TLS_CERT_ALTNAME_INVALID", { names: ["other.example.com"] }),
  },
  {
    id: "certificate-untrusted",
    hop: "tls",
    title: "Nobody vouches for the certificate",
    when: (found) => certificate(found)?.problem !== undefined,
    why: (found) =>
      `the certificate of ${found.target.host} was made by ${certificate(found)?.issuer}, whom this computer does not trust (${certificate(found)?.problem}): no public one has been issued yet`,
    fix: () =>
      "have one issued (Let's Encrypt: port 80 open, the name pointing here); a CA of your own goes into NODE_EXTRA_CA_CERTS on each client",
    outside: "self-signed certificate, or unable to get local issuer certificate.",
    byHand: "`openssl s_client -connect HOST:443` prints Verify return code 18, 19 or 20.",
    example: (found) => withCertificate(found, "DEPTH_ZERO_SELF_SIGNED_CERT", { issuer: "api.example.com" }),
  },
  {
    id: "tls-fails",
    hop: "tls",
    title: "The TLS handshake fails",
    when: (found) => found.target.https && found.tls?.handshake === "failed" && dialledTo(found, "open"),
    why: (found) => `the TLS handshake with ${found.target.host} fails: ${found.tls?.code}`,
    fix: () => "the server has no certificate for this name yet, or speaks only old versions: look at its log",
    outside: "handshake failure, or tlsv1 alert internal error.",
    byHand: "`openssl s_client -connect HOST:443 -servername NAME`.",
    example: (found) => https(found, { handshake: "failed", code: "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", ms: 4 }),
  },
];
