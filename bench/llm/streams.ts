import type OpenAI from "openai";

const TOKENS = 50;
/** A model of chance may end whenever it likes; these requests are to be written to their last token. */
const ENDLESS = { logit_bias: { "2": -100 } };

/** Completions that are streamed as OpenAI's client asks for them, and how they ended. */
export class Streams {
  readonly #client: OpenAI;
  readonly #each: number;
  #going = true;
  readonly #open: Promise<void>[] = [];
  ended = 0;
  /** Streams that broke, or ended before their last token. */
  cut = 0;
  /** Tokens that the server itself says it wrote. */
  tokens = 0;
  readonly problems: string[] = [];

  /** `each`: tokens of a stream. */
  constructor(client: OpenAI, each: number = TOKENS) {
    this.#client = client;
    this.#each = each;
  }

  /** Keeps so many open at once, until `finish`. */
  keep(many: number): void {
    for (let each = 0; each < many; each++) this.#open.push(this.#goOn());
  }

  async #goOn(): Promise<void> {
    while (this.#going) await this.one({});
  }

  async finish(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#open);
  }

  /** One, from its beginning to its end; `hold`: the server falls silent in the middle. */
  async one({ hold = false }: { hold?: boolean }): Promise<void> {
    let finished = false;
    let written = 0;
    try {
      const asked = { model: "tiny", prompt: "Hello", max_tokens: this.#each, ...ENDLESS };
      const stream = await this.#client.completions.create(
        { ...asked, stream: true, stream_options: { include_usage: true } },
        hold ? { headers: { "x-hold": "1" } } : {},
      );
      for await (const { choices, usage } of stream) {
        if (choices[0]?.finish_reason === "length") finished = true;
        written = usage?.completion_tokens ?? written;
      }
    } catch (error) {
      if (this.problems.length < 10) this.problems.push(String(error));
    }
    this.ended++;
    this.tokens += written;
    if (!finished || written !== this.#each) this.cut++;
  }
}
