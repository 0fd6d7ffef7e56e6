import { expect, test } from "vitest";
import { Engine, EngineError } from "../../../machine/engine.ts";
import { shareSecrets } from "./keeper-secrets.ts";

const { signal } = new AbortController();

/** An engine whose keeper holds what it is labelled with, or is not there; nothing can be run in it. */
class WithKeeper extends Engine {
  readonly #holds: string | undefined;

  constructor(holds: string | undefined) {
    super(() => Promise.reject(new Error("nobody dials")));
    this.#holds = holds;
  }

  override call<T>(method: string): Promise<T> {
    if (method !== "GET") return Promise.reject(new EngineError(500, "told"));
    if (this.#holds === undefined) return Promise.reject(new EngineError(404, "no such container"));
    return Promise.resolve({ Config: { Labels: { "dray.secrets": this.#holds } } } as T);
  }
}

const share = (holds: string | undefined, names: string[]): Promise<void> =>
  shareSecrets(new WithKeeper(holds), { service: "api", name: "db", names }, signal);

test.each([
  ["of an older dray", "api"],
  ["that is not there", undefined],
])(
  "a keeper %s has no room for what a container beside a service gets, and the deploy that makes it is named",
  async (_what, holds) => {
    await expect(share(holds, ["PASSWORD"])).rejects.toThrow(
      expect.objectContaining({ code: "with.no-secrets", hint: "dray deploy tells it; then dray with restart db" }),
    );
    // One that gets none needs no room.
    await expect(share(holds, [])).resolves.toBeUndefined();
  },
);

test("a keeper that has the room is told, also that there is nothing any more", async () => {
  for (const names of [["PASSWORD"], []]) await expect(share("api,with.api.db", names)).rejects.toThrow("told");
});
