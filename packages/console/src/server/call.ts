import * as z from "zod";
import { type Asked, BadCall } from "./desk.ts";

/** One thing that the page may ask for. */
export interface Call {
  /** It changes what runs: only with the operator's leave. */
  changes: boolean;
  /** Looks at the body and answers. @throws BadCall */
  answer<M>(asked: Asked<M>, body: unknown): Promise<void>;
}

export const service: z.ZodInt = z.int().min(0).max(1000);
export const name: z.ZodString = z.string().min(1).max(200);
/** A service, at one of its places or at all of them. */
export const atPlace = z.strictObject({ service, place: name.optional() });

/** A call whose body has that shape; every other body is refused. */
export function call<B>(
  body: z.ZodType<B>,
  act: <M>(asked: Asked<M>, wanted: B) => Promise<void>,
  changes: "reads" | "changes" = "reads",
): Call {
  return {
    changes: changes === "changes",
    answer: async (asked, given) => {
      const parsed = body.safeParse(given);
      if (!parsed.success) throw new BadCall("the call does not have the shape that it should have");
      await act(asked, parsed.data);
    },
  };
}
