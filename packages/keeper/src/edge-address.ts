import { resolve4 } from "node:dns/promises";

/** The edge's container, as the engine's own name server knows it. */
const EDGE = "dray-edge";
const OLD_MS = 5000;
/** A stranger's datagrams must not become a storm of questions. */
const BETWEEN_MS = 500;

/** Tells the edge from everybody else who can send something here: those are containers with other people's code. */
export class EdgeAddress {
  readonly #look: () => Promise<string[]>;
  #known: ReadonlySet<string> = new Set();
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> = Promise.resolve();

  constructor(look: () => Promise<string[]> = async () => await resolve4(EDGE)) {
    this.#look = look;
  }

  /** Is it the edge's, as far as is known now? A datagram waits for nobody. */
  knows(address: string | undefined): boolean {
    const known = this.#known.has(plain(address));
    this.#refresh(known ? OLD_MS : BETWEEN_MS);
    return known;
  }

  /** The same, and asks first where the address is not known. */
  async is(address: string | undefined): Promise<boolean> {
    if (this.knows(address)) return true;
    await this.#asking;
    return this.#known.has(plain(address));
  }

  #refresh(afterMs: number): void {
    const now = performance.now();
    if (now - this.#askedAt < afterMs) return;
    this.#askedAt = now;
    this.#asking = this.#look().then(
      (found) => void (this.#known = new Set(found)),
      // While the edge is being made anew its name leads nowhere: what was true before counts until then.
      () => undefined,
    );
  }
}

/** A socket for both families calls an IPv4 address `::ffff:192.0.2.1`. */
function plain(address: string = ""): string {
  return address.replace(/^::ffff:/, "");
}
