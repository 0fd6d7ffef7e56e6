import { BODY, type Dice, type Make, PATHS, request } from "./hostile.ts";

/** What attacks on our own doors need to know. */
export interface Doors {
  /** A key that is one. */
  key: string;
  /** `host:port` that nobody may be led to. */
  listener: string;
}

const CHALLENGE = "/.well-known/acme-challenge/";
/** Authorities that a parser of URLs may throw over. */
const AUTHORITIES = [
  "a:99999",
  "a%zz",
  "999.999.999.999",
  "[::1",
  "a:b:c",
  "a@b:1",
  "",
  "a\\b",
  "%00",
  "[",
  "1e999",
  "-",
];
const NUMBERS = [
  "/metrics",
  "/%6detrics",
  "/metric%73",
  "/%6d%65%74%72%69%63%73",
  "/%256detrics",
  "/metrics/",
  "//metrics",
  "/./metrics",
  "/docs/../metrics",
  "/docs/%2e%2e/metrics",
  "/metrics?x=1",
  "/metrics;x",
  "/METRICS/../metrics",
  "/\\metrics",
];
const OPEN = ["/", "/docs", "/docs/x", "/openapi.json", "/health", "/health/x"];
const CHANGING = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
/** Commands of terminals: a title, a colour, the clipboard, a link. */
const COMMANDS = [
  "\x1b]0;planted\x07",
  "\x1b[31mplanted",
  "\x1b]52;c;cGxhbnRlZA==planted\x07",
  "\x9b31mplanted",
  "\r\x1b[2Kplanted",
  "\x1b]8;;http://planted\x07planted",
];

const close = "connection: close";
const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

/** Attacks on what stands beside the model: the keeper behind the edge, the doors that are open, the terminal of whoever looks. */
export function doorKinds({ key, listener }: Doors): Record<string, Make> {
  const good = `authorization: Bearer ${key}`;
  const secure = ({ next }: Dice): { tls?: boolean } => (next() < 0.2 ? { tls: true } : {});
  const invited = (dice: Dice, text: string): ReturnType<Make> => ({ ...secure(dice), invited: true, parts: [text] });
  return {
    authority: (dice) => ({ ...secure(dice), parts: [authority(dice)] }),
    "other host": (dice) => {
      const way = dice.pick([
        `//${listener}`,
        `/\\${listener}`,
        `///${listener}`,
        `/\\/${listener}`,
        `//x@${listener}`,
      ]);
      const more = ["metadata-flavor: Google", "x-aws-ec2-metadata-token-ttl-seconds: 60", good, close];
      return invited(dice, request(`${way}/latest/api/token`, more, BODY, dice.pick(["GET", "PUT", "POST"])));
    },
    nested: (dice) => {
      const body = nested(500 + Math.floor(dice.next() * 4500));
      const head = ["content-type: application/json", good, close];
      return invited(dice, request(dice.pick(["/decisions", "/nested"]), head, body));
    },
    metrics: (dice) => ({
      ...secure(dice),
      parts: [request(dice.pick(NUMBERS), dice.next() < 0.5 ? [close] : [good, close], "", dice.pick(["GET", "POST"]))],
    }),
    "open path": (dice) => {
      const also = dice.next() < 0.3 ? ["upgrade: websocket", "connection: upgrade"] : [close];
      const method = also.length > 1 ? "GET" : dice.pick(CHANGING);
      return { ...secure(dice), parts: [request(dice.pick(OPEN), also, BODY, method)] };
    },
    "wrong key": (dice) => {
      const wrong = Buffer.from(dice.noise(24), "latin1").toString("base64url");
      const shown = dice.pick([`authorization: Bearer ${wrong}`, `x-api-key: ${wrong}`]);
      return { ...secure(dice), parts: [request("/decisions", [shown, close])] };
    },
    planted: (dice) => planted(dice, good),
  };
}

function authority({ pick, next }: Dice): string {
  const [name, token] = [pick(AUTHORITIES), Math.floor(next() * 1e9).toString(36)];
  const target = pick([`http://${name}${CHALLENGE}${token}`, `${CHALLENGE}${token}`, `//${name}${CHALLENGE}${token}`]);
  return `${pick(["GET", "POST", "HEAD"])} ${target} HTTP/1.1\r\nhost: ${name}\r\n${close}\r\n\r\n`;
}

/** A terminal's commands in every place of a request that somebody may look at later. */
function planted({ pick, next }: Dice, good: string): ReturnType<Make> {
  const command = pick(COMMANDS);
  const body = JSON.stringify({ [`${command}key`]: command, income: command });
  const raw = `{"planted": "${command}"}`;
  const headers = [good, close, `x-planted: ${command}`, `user-agent: ${command}`];
  const invited = next() < 0.7;
  const path = pick(["/decisions", `/decisions?${encodeURIComponent(command)}`, `/${command}`, "/../../planted"]);
  return { invited: true, parts: [request(path, invited ? headers : headers.slice(1), pick([body, raw]))] };
}

/** After the last key was revoked nobody gets in: not with it, not without. */
export function revokedKinds({ key }: Doors): Record<string, Make> {
  return {
    revoked: ({ pick, next }) => {
      const shown = pick([[`authorization: Bearer ${key}`], [`x-api-key: ${key}`], []]);
      return {
        ...(next() < 0.2 ? { tls: true } : {}),
        parts: [request(pick(["/decisions", pick(PATHS)]), [...shown, close])],
      };
    },
  };
}
