import * as z from "zod";

/** Which collector is told of requests. */
export const otel = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/, error: "expected the address of a collector, such as http://10.0.0.9:4318" })
    .refine((said) => !said.includes("@"), "a password in an address would be in every log: leave it out")
    .describe(
      "A collector's address for OTLP over HTTP, as the machine reaches it: `http://10.0.0.9:4318`; /v1/traces is added.",
    ),
  share: z
    .number()
    .min(0)
    .max(100)
    .default(10)
    .describe("Share of the requests that are traced where the caller does not decide it, in percent."),
});
