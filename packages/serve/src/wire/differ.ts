import http from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { type Arrived, type Asker, Connection, type Lane } from "./connection.ts";
import { type Dice, dice, mutant, pieces } from "./mutants.ts";

/** One request as somebody read it. */
interface Read {
  line: string;
  length: string | undefined;
  id: string | undefined;
  packings: string | undefined;
  body: string;
  isWhole: boolean;
}

/** What was made of the bytes of one connection. */
interface Seen {
  requests: Read[];
  fault: string | undefined;
}

/** How a run against node's own parser went. */
export interface Outcome {
  inputs: number;
  /** Requests that were read past node:http. */
  taken: number;
  /** Connections that were handed to node:http. */
  letGo: number;
  /** Inputs that were read in another way, or not to their end; must be empty. */
  different: string[];
}

const RULES = { route: "/decisions", body: 65_536, untraced: true };
const AT_ONCE = 100;

/**
 * Holds connections that are read past node:http against node's own parser: what they take must be what that one reads
 * of the same bytes, and it must get every byte of the rest.
 */
export async function differ(seed: number, inputs: number): Promise<Outcome> {
  const roll = dice(seed);
  const node = new NodeReads();
  const outcome: Outcome = { inputs: 0, taken: 0, letGo: 0, different: [] };
  while (outcome.inputs < inputs) {
    const cases = Array.from({ length: AT_ONCE }, () => new Case(Buffer.from(mutant(roll), "latin1"), node, roll));
    await settled(cases);
    for (const each of cases) each.finish();
    await settled(cases);
    // Node's parser itself reads some bytes (those behind an upgrade that nobody wants) as they are cut: it is cut alike.
    const wanted = cases.map((each) => (each.taken.length === 0 ? each.seen : node.read(connected(), each.cut)));
    await settled([]);
    for (const [index, each] of cases.entries()) {
      outcome.inputs++;
      outcome.taken += each.taken.length;
      outcome.letGo += each.isHandedOver ? 1 : 0;
      const why = each.unlike(wanted[index]);
      if (why !== undefined) outcome.different.push(why);
      each.socket.destroy();
    }
    node.forget();
  }
  return outcome;
}

async function settled(cases: readonly Case[]): Promise<void> {
  for (let calm = 0; calm < 4; calm++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (cases.some(({ isAsking }) => isAsking)) calm = 0;
  }
}

/** A connection in memory. */
function connected(): Duplex {
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  return socket.on("error", () => undefined);
}

/** One input: what was taken of it, and what came to node:http. */
class Case {
  readonly socket = connected();
  readonly taken: Read[] = [];
  /** The same bytes, cut as node:http would have had to get them. */
  readonly cut: Buffer[] = [];
  seen: Seen = { requests: [], fault: undefined };
  isAsking = false;
  isHandedOver = false;
  readonly #bytes: Buffer;
  readonly #connection: Connection;

  constructor(bytes: Buffer, node: NodeReads, roll: Dice) {
    this.#bytes = bytes;
    const lane: Lane = {
      rules: RULES,
      ask: (asked, asker) => this.#ask(asked, asker, roll),
      handOver: (_socket, rest) => this.#handOver(rest, node),
      closed: () => undefined,
      isClosing: () => false,
      keepAliveMs: Number.POSITIVE_INFINITY,
    };
    this.#connection = new Connection(this.socket as unknown as Socket, lane);
    for (const piece of pieces(bytes, roll)) this.socket.push(piece);
  }

  /** What is still waited for is node's in the end. */
  finish(): void {
    this.#connection.look(Number.POSITIVE_INFINITY);
  }

  /** Why this is not what node:http reads by itself; undefined: it is. */
  unlike(wanted: Seen | undefined): string | undefined {
    const requests = [...this.taken, ...this.seen.requests];
    const same = JSON.stringify({ requests, fault: this.seen.fault }) === JSON.stringify(wanted);
    const read = Buffer.concat(this.cut);
    // Node reads no further than to what it does not understand.
    const isWhole = read.equals(this.seen.fault === undefined ? this.#bytes : this.#bytes.subarray(0, read.length));
    return same && isWhole ? undefined : JSON.stringify([this.cut.map(String), requests, this.seen.fault, wanted]);
  }

  #ask({ bytes, taken: { head, from, end } }: Arrived, asker: Asker, roll: Dice): void {
    this.isAsking = true;
    const way = roll(8);
    setImmediate(() => {
      this.isAsking = false;
      if (way === 0) return asker.other(undefined);
      this.cut.push(bytes.subarray(0, end));
      const { length, id, packings } = head;
      const body = bytes.toString("latin1", from, end);
      this.taken.push({ line: "POST /decisions 1.1", length: String(length), id, packings, body, isWhole: true });
      asker.answer("HTTP/1.1 200 OK\r\n\r\n");
    });
  }

  #handOver(rest: Buffer, node: NodeReads): void {
    this.isHandedOver = true;
    this.socket.on("data", (chunk: Buffer) => this.cut.push(chunk));
    this.seen = node.read(this.socket, []);
    if (rest.length > 0) this.socket.emit("data", rest);
    this.socket.resume();
  }
}

/** A server of node:http whose connections are in memory. */
class NodeReads {
  readonly #server = http.createServer();
  readonly #seen = new Map<unknown, Seen>();

  constructor() {
    this.#server.on("request", (request) => this.#note(request));
    this.#server.on("clientError", (error: Error & { code?: string }, socket) => {
      const seen = this.#seen.get(socket);
      if (seen !== undefined) seen.fault ??= error.code;
    });
  }

  /** What is read of a connection that gets these pieces; complete some turns later. */
  read(socket: Duplex, cut: readonly Buffer[]): Seen {
    const seen: Seen = { requests: [], fault: undefined };
    this.#seen.set(socket, seen);
    this.#server.emit("connection", socket);
    for (const piece of cut) socket.push(piece);
    return seen;
  }

  forget(): void {
    for (const socket of this.#seen.keys()) (socket as Duplex).destroy();
    this.#seen.clear();
  }

  #note(request: http.IncomingMessage): void {
    const { headers } = request;
    const read: Read = {
      line: `${request.method} ${request.url} ${request.httpVersion}`,
      length: headers["content-length"],
      id: headers["x-request-id"] as string | undefined,
      packings: headers["accept-encoding"],
      body: "",
      isWhole: false,
    };
    this.#seen.get(request.socket)?.requests.push(read);
    request.on("data", (chunk: Buffer) => (read.body += chunk.toString("latin1")));
    request.once("end", () => (read.isWhole = true));
    request.on("error", () => undefined);
  }
}
