import { compareGolden, type Golden } from "../../core/golden.ts";
import type { Json } from "../../core/json.ts";
import { MODELS, modelsOf } from "../../core/openai.ts";
import { payloadHeaders, payloadOf } from "../../core/payload.ts";
import { fail, pass, type Question, type Said, unknown, when } from "./answer.ts";
import type { AskFacts, Facts } from "./facts.ts";

const section = "interface" as const;
const DAYS_LEFT = 21;
/** The edge waits 30 s for a request to come whole, and some more is the way there. */
const SLOW_MS = 45_000;
/** Without it nobody says how long an answer may take: the question is answered then, and this only tells what was seen. */
const SLOW_BY_HAND_MS = 5000;
/** A burst that no limit minds says nothing; one that is larger disturbs. */
const BURST = 300;

/** What callers meet. */
export const INTERFACE: readonly Question<Facts>[] = [
  {
    number: 1,
    section,
    title: "reachable by name",
    ask: async ({ ask, host, base }) => {
      const { status } = await ask({ path: "/" }, true);
      const named = !/^[\d.]+$|:/.test(host);
      if (!named)
        return fail(
          `${base}/ answered ${status}; clients know an address`,
          "domain: NAME in the manifest, and an A record",
        );
      return when(status < 400, `GET ${base}/ answered ${status}`, "dray trace names the hop that breaks");
    },
  },
  {
    number: 2,
    section,
    title: "HTTPS with a good certificate; plain HTTP is sent on",
    ask: async ({ tls, plain }) => {
      const found = await tls();
      if (found === undefined)
        return fail("nothing speaks TLS", "domain: in the manifest: the certificate comes by itself");
      const { problem, daysLeft, lifeDays, issuer } = found;
      const { status, headers } = await plain("/");
      const sent = (status === 301 || status === 308) && headers["location"]?.startsWith("https://") === true;
      // A third of its life before the end it is renewed: a certificate of six days never has three weeks left.
      const enough = daysLeft > Math.min(DAYS_LEFT, lifeDays / 4);
      const evidence = `certificate of ${issuer}, ${Math.floor(daysLeft)} days left${problem === undefined ? "" : `, ${problem}`}; plain HTTP answered ${status}`;
      return when(problem === undefined && enough && sent, evidence, "dray status says how the certificate stands");
    },
  },
  {
    number: 4,
    section,
    title: "the contract is published",
    ask: contract,
  },
  {
    number: 5,
    section,
    title: "golden requests are answered as expected",
    ask: async ({ golden, ask, sample }) => {
      if (golden.length === 0) {
        // Where the API itself says what to ask, that is what will be recorded.
        const asked = (await sample()) === undefined ? " --path PATH -d @body.json" : "";
        return fail("there are none", `dray golden record${asked}`);
      }
      const wrong: string[] = [];
      for (const each of golden) {
        const startedAt = performance.now();
        const { headers, ...said } = await ask(askOf(each.request), true);
        const type = headers["content-type"] ?? "";
        wrong.push(...compareGolden(each, { ...said, type, ms: performance.now() - startedAt }));
      }
      return when(
        wrong.length === 0,
        wrong[0] ?? `${golden.length} asked, ${golden.length} right`,
        "dray rollback, or mend the model",
      );
    },
  },
  {
    number: 6,
    section,
    title: "bad input is the caller's fault (4xx)",
    ask: async ({ sample, ask }) => {
      const request = await sample();
      if (request === undefined || payloadOf(request) === undefined)
        return unknown("neither a golden request nor the API itself says where to send it");
      const { path } = request;
      const headers = { "content-type": "application/json" };
      const bad: [string, AskFacts][] = [
        ["malformed JSON", { path, headers, body: '{"a":' }],
        ["null", { path, headers, body: "null" }],
        ["a number", { path, headers, body: "7" }],
        ["an empty list", { path, headers, body: "[]" }],
        ["nothing of what it needs", { path, headers, body: '{"dray_check": "no such field"}' }],
        ["another content type", { path, headers: { "content-type": "text/plain" }, body: "hello" }],
      ];
      const answered: string[] = [];
      for (const [what, asked] of bad) {
        const { status } = await ask({ method: "POST", ...asked }, true);
        if (status < 400 || status >= 500) answered.push(`${what} was answered with ${status}`);
      }
      return when(
        answered.length === 0,
        answered.length === 0 ? `${bad.length} kinds, all 4xx` : answered.join("; "),
        "check the body before the model sees it: with pydantic, or a schema.yaml beside the .onnx file",
      );
    },
  },
  {
    number: 7,
    section,
    title: "a body too large is refused",
    ask: async ({ manifest, inside, ask, sample }) => {
      const limit = inside?.kept?.release.settings.front?.body;
      const fix = "limits: {body: 10MiB} in the manifest";
      if (limit === undefined) return fail("no limit is set", fix);
      const path = (await sample())?.path ?? manifest?.route ?? "/decisions";
      const headers = { "content-type": "application/json" };
      const { status } = await ask({ method: "POST", path, headers, body: `"${"x".repeat(limit)}"` }, true);
      return when(status === 413, `${limit + 2} bytes were answered with ${status}`, fix);
    },
  },
  {
    number: 8,
    section,
    title: "callers must show a key; numbers are not public",
    ask: async ({ ask, sample }) => {
      const request = await sample();
      const asked = request === undefined ? { path: "/decisions", method: "POST", body: "{}" } : askOf(request);
      const [none, wrong, numbers] = await Promise.all([
        ask(asked),
        ask({ ...asked, headers: { ...asked.headers, authorization: "Bearer dray-check-no-such-key" } }),
        ask({ path: "/metrics" }),
      ]);
      const closed = [none.status, wrong.status].every((status) => status === 401 || status === 403);
      const evidence = `without a key ${none.status}, with a wrong one ${wrong.status}, /metrics ${numbers.status}`;
      return when(closed && numbers.status >= 400, evidence, "keys: in the manifest, or dray keys add NAME");
    },
  },
  {
    number: 9,
    section,
    title: "too much is refused at once, and said so",
    ask: async ({ inside, ask, golden: [first] }) => {
      const { front, limits } = inside?.kept?.release.settings ?? {};
      const rate = front?.rate === undefined ? undefined : (front.rate.count * 1000) / front.rate.perMs;
      const replicas = inside?.live.length ?? 1;
      const room = limits?.concurrency === undefined ? undefined : limits.concurrency * replicas + (front?.queue ?? 64);
      if (rate === undefined && room === undefined)
        return fail("neither rate nor concurrency has a limit", "rate: 100/s, or limits: {concurrency: 8, queue: 64}");
      const most = Math.min(BURST, Math.ceil(2 * Math.min(rate ?? Infinity, room ?? Infinity)));
      const asked = first === undefined ? { path: "/" } : askOf(first.request);
      const answers = await Promise.allSettled(Array.from({ length: most }, () => ask(asked, true)));
      const came = answers.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
      const refused = came.filter(({ status }) => status === 429 || status === 503);
      const polite = refused.every(({ headers }) => headers["retry-after"] !== undefined);
      const odd = came.filter(({ status }) => status >= 500 && status !== 503).length;
      const evidence = `${most} at once: ${came.length - refused.length} answered, ${refused.length} refused, ${most - came.length} cut off`;
      return when(
        came.length === most && polite && odd === 0,
        evidence,
        "rate: and limits: {concurrency, queue} in the manifest",
      );
    },
  },
  {
    number: 10,
    section,
    title: "who sends slowly is cut off, and so is a slow answer",
    ask: async ({ slow, inside }) => {
      const timeout = inside?.kept?.release.settings.limits.timeoutMs;
      const { status, seconds, open } = await slow(timeout === undefined ? SLOW_BY_HAND_MS : SLOW_MS);
      const how = open ? "still waited for" : `answered with ${status === 0 ? "a closed connection" : status}`;
      const evidence = `a body that never ends was ${how} after ${Math.round(seconds)} s${timeout === undefined ? "" : `; an answer may take ${timeout / 1000} s`}`;
      return when(status === 408 && timeout !== undefined, evidence, "an edge in front of it: dray deploy");
    },
  },
];

const CONTRACT = "/openapi.json";

/** An API says itself how it is called: by its OpenAPI, or by routes that everybody knows. */
async function contract({ ask }: Facts): Promise<Said> {
  const { status, body } = await ask({ path: CONTRACT }, true);
  const fix = `serve an OpenAPI document at ${CONTRACT}; a model: in the manifest has one by itself`;
  if (status !== 200) {
    const models = await listedModels(ask);
    if (models.length > 0) return pass(`the OpenAI routes, of ${models.join(", ")} (GET ${MODELS})`);
    return fail(`GET ${CONTRACT} answered ${status}`, fix);
  }
  const said = JSON.parse(body) as { openapi?: string; paths?: Record<string, { post?: object }> };
  const posts = Object.entries(said.paths ?? {}).filter(([, methods]) => methods.post !== undefined);
  const good = said.openapi?.startsWith("3") === true && posts.length > 0;
  return when(good, `OpenAPI ${said.openapi}: POST ${posts.map(([path]) => path).join(", ")}`, fix);
}

async function listedModels(ask: Facts["ask"]): Promise<string[]> {
  const { status, body } = await ask({ path: MODELS }, true);
  if (status !== 200) return [];
  try {
    return modelsOf(JSON.parse(body) as Json);
  } catch {
    return [];
  }
}

function askOf(request: Golden["request"]): AskFacts {
  const { method, path, headers } = request;
  const payload = payloadOf(request);
  return {
    method,
    path,
    headers: { ...payloadHeaders(payload), ...headers },
    ...(payload === undefined ? {} : { body: payload.bytes }),
  };
}
