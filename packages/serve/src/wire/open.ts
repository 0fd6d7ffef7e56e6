import type { Server, Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { Refusal } from "../refusal.ts";
import type { Decision } from "../schema/decisions.ts";
import type { Row } from "../schema/row.ts";
import type { Decided, Service } from "../service.ts";
import { asList, asOne, type Form, isSmall } from "../http/form.ts";
import { answerWriter, type WriteAnswer } from "./answer.ts";
import { type Arrived, type Asker, Connection, type Lane } from "./connection.ts";
import { type Kept, keep } from "./kept.ts";

export interface Wire {
  /** Where rows are sent. */
  route: string;
  /** Bytes of a body. */
  bodyLimit: number;
  /** Is anybody told of traces? */
  traced: boolean;
  service: () => Service | undefined;
  idFor: (given: string | undefined) => string;
  /** An answer went out, or had nobody to go to. */
  answered: (code: number, seconds: number) => void;
  failed: (error: Error, id: string) => void;
}

const LOOK_MS = 1000;
/** Node waits for so much longer than it says. */
const MORE_MS = 1000;
/** Of a route that is one address, and no pattern of them. */
const PLAIN = /^\/[\w./-]*$/;

/**
 * Answers the rows that come as most clients send them straight from the connection: node:http costs four times what
 * the model does. Whatever is not understood to the last byte goes to node:http from its first byte on, and the
 * connection stays there.
 */
export function openWire(app: FastifyInstance, wire: Wire): void {
  const server: Closable = app.server;
  const [slow, ...others] = server.listeners("connection") as Listener[];
  if (slow === undefined || others.length > 0 || !PLAIN.test(wire.route)) return;
  const open = new Set<Connection>();
  let isClosing = false;
  const lane: Lane = {
    rules: { route: wire.route, body: wire.bodyLimit, untraced: !wire.traced },
    ask: asker(wire, answerWriter(app.server.keepAliveTimeout)),
    handOver: (socket, bytes, kept) => handOver((...given) => slow.call(server, ...given), { socket, bytes, kept }),
    closed: (connection) => void open.delete(connection),
    isClosing: () => isClosing,
    keepAliveMs: app.server.keepAliveTimeout + MORE_MS,
  };
  server.removeListener("connection", slow);
  server.on("connection", (socket) => void open.add(new Connection(socket, lane)));
  closeWith(server, open);
  const looking = setInterval(() => {
    const now = performance.now();
    for (const connection of open) connection.look(now);
  }, LOOK_MS);
  looking.unref();
  app.addHook("preClose", (done) => {
    isClosing = true;
    clearInterval(looking);
    for (const connection of open) connection.drain();
    done();
  });
}

type Listener = (this: Server, socket: Socket) => void;
type Closable = Server & { closeIdleConnections(): void; closeAllConnections(): void };

/** Node knows only the connections that it reads by itself. */
function closeWith(server: Closable, open: ReadonlySet<Connection>): void {
  const idle = server.closeIdleConnections.bind(server);
  const all = server.closeAllConnections.bind(server);
  server.closeIdleConnections = () => {
    idle();
    for (const connection of open) if (connection.isIdle) connection.destroy();
  };
  server.closeAllConnections = () => {
    all();
    for (const connection of open) connection.destroy();
  };
}

interface Handed {
  socket: Socket;
  bytes: Buffer;
  kept: Kept | undefined;
}

/** What was read already is read again, before anything that comes later. */
function handOver(slow: (socket: Socket) => void, { socket, bytes, kept }: Handed): void {
  if (socket.destroyed) return;
  if (kept !== undefined) keep(socket, kept);
  slow(socket);
  if (bytes.length > 0) socket.emit("data", bytes);
  if (socket.isPaused()) socket.resume();
}

function asker(wire: Wire, write: WriteAnswer): Lane["ask"] {
  return (asked, to) => {
    const service = wire.service();
    const question = service === undefined ? undefined : read(asked, service);
    if (service === undefined || question === undefined) return to.other(undefined);
    decide({ ...question, asked, service }, { to, wire, write });
  };
}

interface Question {
  rows: readonly Row[];
  form: Form;
}

interface Open extends Question {
  asked: Arrived;
  service: Service;
}

/** Only what is right; the other way tells what is wrong. */
function read({ bytes, taken }: Arrived, service: Service): Question | undefined {
  // Its answers depend on who asks.
  if (service.schema.cors !== undefined) return undefined;
  try {
    const body: unknown = JSON.parse(bytes.toString("utf8", taken.from, taken.end));
    return { rows: service.validator.rows(body), form: Array.isArray(body) ? asList : asOne };
  } catch {
    return undefined;
  }
}

interface Way {
  to: Asker;
  wire: Wire;
  write: WriteAnswer;
}

function decide(question: Open, way: Way): void {
  const { rows, asked, service } = question;
  // Where rows were asked in parts, or again one by one, a queue may tell of the same request twice.
  let isOpen = true;
  const told: Decided = (error, decisions) => {
    if (!isOpen) return;
    isOpen = false;
    if (asked.gone()) nobody(error, asked, way);
    else if (error === undefined) answer(decisions, question, way);
    else way.to.other({ error, decisions, at: asked.at });
  };
  try {
    service.decideThen(rows, asked.gone, told);
  } catch (error) {
    told(error as Error, []);
  }
}

function answer(decisions: readonly Decision[], question: Open, way: Way): void {
  const { form, asked, service } = question;
  const { head } = asked.taken;
  const json = form(decisions.map(service.write));
  if (!isSmall(json.length) && head.packings !== undefined)
    return way.to.other({ error: undefined, decisions, at: asked.at });
  way.wire.answered(200, (performance.now() - asked.at) / 1000);
  way.to.answer(way.write(json, way.wire.idFor(head.id)));
}

/** The client has gone: what would have been said is counted all the same. */
function nobody(error: Error | undefined, { at, taken }: Arrived, { to, wire }: Way): void {
  const code = error instanceof Refusal ? error.status : error === undefined ? 200 : 500;
  if (error !== undefined && code === 500) wire.failed(error, wire.idFor(taken.head.id));
  wire.answered(code, (performance.now() - at) / 1000);
  to.nobody();
}
