import { sleep } from "drayage-clock";
import { asFailure, Failure } from "../../base/failure.ts";
import type { Settled } from "./answers.ts";
import type { Asker, Reply } from "./asker.ts";
import type { Pace } from "./pace.ts";
import type { BatchRow } from "./row.ts";

/** How long a service may give no answer at all. */
export interface Patience {
  /** When it has answered before: it is being restarted, or its machine is. */
  laterMs: number;
  /** When it has not: the address is wrong more often than the service is slow. */
  firstMs: number;
}

/** A row whose own request ends badly (500, 504, a timeout) is asked for so many times. */
const TRIES = 3;
const BETWEEN_TRIES_MS = 500;
/** Of a refusal, what is written beside the row. */
const SAID = 2000;

/** Asks for rows until each is answered or refused. */
export class Settler {
  readonly #ask: Asker;
  readonly #pace: Pace;
  readonly #patience: Patience;
  readonly #onRelease: (release: string) => void;
  #answeredAt: number | undefined;
  readonly #startedAt = performance.now();

  constructor(ask: Asker, pace: Pace, patience: Patience, onRelease: (release: string) => void) {
    this.#ask = ask;
    this.#pace = pace;
    this.#patience = patience;
    this.#onRelease = onRelease;
  }

  /** Several rows are sent as a list; a list that is refused is asked for row by row. @throws Failure batch.stopped */
  async settle(rows: readonly BatchRow[], signal: AbortSignal): Promise<Settled[]> {
    const [only] = rows;
    if (only !== undefined && rows.length === 1) return [await this.#one(only, signal)];
    const good = rows.every(({ broken }) => broken === undefined);
    const reply = good ? await this.#reply(`[${rows.map(({ body }) => body).join(",")}]`, signal) : undefined;
    if (reply?.status === 200) return listed(rows, reply.body);
    const settled: Settled[] = [];
    for (const row of rows) settled.push(await this.#one(row, signal));
    return settled;
  }

  async #one({ row, body, broken }: BatchRow, signal: AbortSignal): Promise<Settled> {
    if (broken !== undefined) return { row, error: broken, input: body };
    const { status, body: said } = await this.#reply(body, signal);
    if (status >= 200 && status < 300) return { row, answer: oneLine(said) };
    return { row, status, error: said.slice(0, SAID), input: body };
  }

  /** The last word about a body: an answer, or a refusal of this body alone. */
  async #reply(body: string, signal: AbortSignal): Promise<Reply> {
    for (let tries = 1; ;) {
      const reply = await this.#try(body, signal);
      const verdict = verdictOf(reply.status);
      if (verdict === "stop") throw refusedAlike(reply);
      if (verdict === "again") continue;
      if (verdict === "final" || tries === TRIES) return reply;
      await sleep(BETWEEN_TRIES_MS * tries++, signal);
    }
  }

  async #try(body: string, signal: AbortSignal): Promise<Reply> {
    return await this.#pace.turn(signal, async () => {
      const startedAt = performance.now();
      const reply = await this.#ask(body, signal).catch((error: unknown) => lost(error, signal));
      if (verdictOf(reply.status) === "again") {
        this.#checkPatience(reply);
        this.#pace.slower(startedAt, reply.afterMs);
      } else {
        this.#answeredAt = performance.now();
        this.#pace.answered();
        if (reply.release !== undefined) this.#onRelease(reply.release);
      }
      return reply;
    });
  }

  #checkPatience({ status, body }: Reply): void {
    const waits = this.#answeredAt === undefined && status !== BUSY ? this.#patience.firstMs : this.#patience.laterMs;
    const since = this.#answeredAt ?? this.#startedAt;
    if (performance.now() - since < waits) return;
    const said = status === AWAY ? body : `${status} ${body.slice(0, 200)}`;
    throw new Failure("batch.stopped", `no row was answered for ${Math.round(waits / 1000)} s: ${said}`, {
      hint: "dray trace says where the way ends; then the same command goes on behind the last row that is settled",
    });
  }
}

const BUSY = 429;
/** No status: the connection ended, or there was none. */
const AWAY = 0;
/** These say that the service takes no request now, whatever is in it. */
const AGAIN = new Set([BUSY, 503, 502, AWAY]);
/** These say the same to every row: a key, a route, a method, a content type. */
const ALIKE = new Set([401, 403, 404, 405, 406, 415, 421, 426]);

type Verdict = "again" | "stop" | "retry" | "final";

/** `again`: not now. `stop`: every row would be told the same. `retry`: may be chance. `final`: an answer, or this row's own refusal. */
function verdictOf(status: number): Verdict {
  if (AGAIN.has(status)) return "again";
  if (ALIKE.has(status) || (status >= 300 && status < 400)) return "stop";
  return status >= 500 || status === 408 ? "retry" : "final";
}

function refusedAlike({ status, body }: Reply): Failure {
  return new Failure("batch.stopped", `the API answers ${status}, as it would to every row: ${body.slice(0, 200)}`, {
    hint: "dray request sends one request; --path and --header say where rows go and with which key; then the same command goes on",
  });
}

/** A request without an answer, as a reply. @throws Failure batch.stopped where trying again cannot help */
function lost(error: unknown, signal: AbortSignal): Reply {
  signal.throwIfAborted();
  if (error instanceof Failure && error.code !== "connection-lost") throw error;
  const { code, message } = asFailure(error);
  if (code === "timed-out") return { status: 504, body: "there was no answer in time" };
  const name = (error as NodeJS.ErrnoException).code ?? "";
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_INVALID|EPROTO/.test(name)) {
    throw new Failure("batch.stopped", `no request gets through: ${message}`, {
      hint: "dray trace says where the way ends",
      cause: error,
    });
  }
  return { status: AWAY, body: message };
}

/** JSON on one line; a text becomes a JSON string. */
function oneLine(said: string): string {
  const text = said.trim();
  try {
    const value: unknown = JSON.parse(text);
    // Untouched where possible: reading and writing a number may change its last digit.
    return /[\r\n]/.test(text) ? JSON.stringify(value) : text;
  } catch {
    return JSON.stringify(said);
  }
}

/** @throws Failure usage.invalid where the API did not answer a list with as long a list */
function listed(rows: readonly BatchRow[], said: string): Settled[] {
  let answers: unknown;
  try {
    answers = JSON.parse(said);
  } catch {
    answers = undefined;
  }
  if (Array.isArray(answers) && answers.length === rows.length)
    return rows.map(({ row }, at) => ({ row, answer: JSON.stringify(answers[at]) }));
  throw new Failure("usage.invalid", `the API did not answer a list of ${rows.length} rows with as many answers`, {
    hint: "without --list, each row is a request of its own",
  });
}
