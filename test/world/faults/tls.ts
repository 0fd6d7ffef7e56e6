import { NAME, type Rig } from "../rig.ts";
import { service, lines, until, listens, type RigFault } from "./fault.ts";

const TLS_PORT = 8443;
const secure = (rig: Rig, user: string): string[] => [
  "--machine",
  `${rig.vm.host}-${user}`,
  "--container",
  "my-api",
  "--url",
  `https://${NAME}:${TLS_PORT}/`,
];

/** An API that speaks TLS by itself, with a certificate of the wrong kind. `dates`: faketime's word for when it was made. */
function certificate(dates: string, days: number, name: string): RigFault["inject"] {
  const make = `rm -rf /tls; mkdir -p /tls; cd /tls; openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days ${days} -subj /CN=${name} -addext subjectAltName=DNS:${name} 2>/dev/null; chmod 644 *`;
  return async (rig) => {
    // The client has faketime; the VM is as a cloud hands it over.
    await rig.on("client", `faketime '${dates}' sh -c '${make}'; cp -r /tls ${rig.vm.folder}/`);
    await rig.copyTls();
    await rig.on(
      "vm",
      `docker run -d --name my-api -p ${TLS_PORT}:8080 -v /tls:/tls:ro -e MODE=tls ${rig.image} >/dev/null; ${until(listens(8080))}`,
    );
    return async () => await rig.on("vm", "docker rm -f my-api >/dev/null");
  };
}

const trusted = (rig: Rig): Record<string, string> => ({ NODE_EXTRA_CA_CERTS: `${rig.vm.folder}/tls/cert.pem` });

export const TLS: readonly RigFault[] = [
  { fault: "certificate-untrusted", hop: "tls", inject: certificate("now", 30, NAME), argv: secure },
  {
    fault: "certificate-expired",
    hop: "tls",
    inject: certificate("60 days ago", 30, NAME),
    argv: secure,
    env: trusted,
  },
  {
    fault: "certificate-not-yet-valid",
    hop: "tls",
    inject: certificate("+5 days", 30, NAME),
    argv: secure,
    env: trusted,
  },
  {
    fault: "certificate-wrong-name",
    hop: "tls",
    inject: certificate("now", 30, "other.example.test"),
    argv: secure,
    env: trusted,
  },
  {
    fault: "clock-wrong",
    hop: "tls",
    inject: certificate("now", 30, NAME),
    argv: secure,
    env: (rig) => ({
      ...trusted(rig),
      LD_PRELOAD: "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
      FAKETIME: "+400d",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    }),
  },
  {
    fault: "tls-on-plain-port",
    hop: "tls",
    inject: lines("vm", "true"),
    argv: (rig, user) => [...service(rig, user), "--url", `https://${NAME}:80/decisions`],
  },
  {
    fault: "plain-on-tls-port",
    hop: "tls",
    inject: certificate("now", 30, NAME),
    argv: (rig, user) => secure(rig, user).map((word) => word.replace("https:", "http:")),
  },
];
