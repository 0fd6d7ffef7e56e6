import { type Evidence, type Fault, fromApi, isRoot, refusedHost, served } from "../evidence.ts";
import { WHOSE } from "../openapi.ts";
import { answered, withApp } from "./healthy.ts";
import { brief, logOf, logsCommand, ours, said } from "./words.ts";

const status = (found: Evidence): number => (fromApi(found) ? (said(found)?.status ?? 0) : 0);
const body = (found: Evidence): string => brief(said(found)?.body);
/** A GET that nobody called a prediction. */
const isLook = (found: Evidence): boolean => found.target.asks === "look";
/** The name that requests carry. */
const calledBy = (found: Evidence): string => found.target.calledBy ?? found.target.host;

/** The prediction that was tried because of the API's own description. */
const tried = (found: Evidence): NonNullable<Evidence["described"]>["tried"] => found.described?.tried;

const look = (found: Evidence, path: string): Evidence => ({
  ...found,
  target: { ...found.target, asks: "look", method: "GET", path, bodyBytes: 0 },
});

/** The API is there, and its answer is not what was wanted. */
export const PREDICT: readonly Fault[] = [
  {
    id: "host-refused",
    hop: "predict",
    title: "The API refuses the name it is called by",
    when: (found) => refusedHost(found) !== undefined,
    why: (found) =>
      `the API answers ${said(found)?.status} to the name ${calledBy(found)}, and not because of the request: it has a list of names, and this one is not on it`,
    fix: (found) =>
      `${refusedHost(found)?.setting(calledBy(found))}${ours(found) ? "; where clients call it by another name, say so: domain: or host: in dray.yaml" : ""}`,
    outside: "400 or 403 to every path (Invalid host header, Blocked hosts).",
    byHand: "The same with curl -H 'host: localhost' on the container's own address is answered.",
    example: (found) => answered(look(found, "/"), 400, "Invalid host header"),
  },
  {
    id: "wrong-route",
    hop: "predict",
    title: "The API has no such route",
    when: (found) =>
      (status(found) === 404 && !(isLook(found) && isRoot(found.target))) || (status(found) === 405 && !isLook(found)),
    why: (found) =>
      `the API is there and answers ${status(found)} to ${found.target.method} ${found.target.path}: it has no such route`,
    fix: (found) =>
      `look at ${new URL("/docs", found.target.url).href} for the right one, and put it into golden.json (or --url)`,
    outside: "404 or 405 from the API itself.",
    byHand: "`/` and `/docs` answer.",
    example: (found) => answered(found, 404, '{"detail":"Not Found"}'),
  },
  {
    id: "key-wanted",
    hop: "predict",
    title: "The API wants a key",
    // The edge's own 401 is one, too.
    when: (found) => status(found) === 401 || status(found) === 403 || found.answer?.status === 401,
    why: (found) =>
      `${status(found) > 0 ? "the API" : "the edge"} answers ${said(found)?.status}: it wants a key that this request does not have`,
    fix: () => "send it: golden.json, request.headers.authorization; or dray trace -H 'authorization: Bearer ...'",
    outside: "401 or 403.",
    byHand: "The same with curl -H 'authorization: ...' works.",
    example: (found) => answered(found, 401),
  },
  {
    id: "body-too-large",
    hop: "predict",
    title: "The request is too large",
    when: (found) => status(found) === 413,
    why: (found) => `the API answers 413: a body of ${found.target.bodyBytes} bytes is more than it takes`,
    fix: (found) =>
      ours(found)
        ? "raise limits.body in dray.yaml, or send fewer rows at once"
        : "raise the API's own limit, or send fewer rows at once",
    outside: "413, for large requests only.",
    byHand: "A small request works.",
    example: (found) => answered(found, 413),
  },
  {
    id: "schema-error",
    hop: "predict",
    title: "The request does not fit the model",
    when: (found) => !isLook(found) && (status(found) === 400 || status(found) === 422),
    why: (found) => `the API is ready, and refuses this request with ${status(found)}: ${body(found)}`,
    fix: (found) =>
      `mend the request: golden.json, or the one you sent; ${new URL("/docs", found.target.url).href} says what the model takes`,
    outside: "400 or 422, with the field's name.",
    byHand: "The answer's body names the field.",
    example: (found) => answered(found, 422, '{"detail":[{"loc":["body","income"],"msg":"field required"}]}'),
  },
  {
    id: "overloaded",
    hop: "predict",
    title: "It has more to do than it can",
    when: (found) => status(found) === 429 || (found.record?.said?.state.startsWith("sQ") === true && !served(found)),
    why: () => "more requests come than the model can answer: this one was turned away",
    fix: () => "more replicas (replicas: 2), a faster model, or fewer requests; limits.queue says how many may wait",
    outside: "429 or 503, under load.",
    byHand: "`dray status`: requests in flight.",
    example: (found) => answered(found, 429),
  },
  {
    id: "app-error",
    hop: "predict",
    title: "The API fails on this request",
    when: (found) => status(found) >= 500,
    why: (found) =>
      `the API is ready, but fails on this request with ${status(found)}; its log ends with: ${logOf(found)}`,
    fix: (found) => `read the traceback: ${logsCommand(found)}${ours(found) ? "; dray rollback meanwhile" : ""}`,
    outside: "500, and the readiness path still says 200.",
    byHand: "`docker logs` has the traceback.",
    example: (found) =>
      withApp(answered(found, 500, "Internal Server Error"), {
        log: ["ValueError: X has 3 features, but 4 are expected"],
      }),
  },
  {
    id: "prediction-fails",
    hop: "predict",
    title: "The API is up and its prediction fails",
    when: (found) => (tried(found)?.exchange.status ?? 0) >= 500,
    why: (found) =>
      `the API is up and its prediction fails: ${tried(found)?.method} ${tried(found)?.path} answers ${tried(found)?.exchange.status} to ${WHOSE[tried(found)?.from ?? "example"]}: ${brief(tried(found)?.exchange.body)}`,
    fix: (found) =>
      `did its model load? read: ${logsCommand(found)}${ours(found) ? "; dray rollback meanwhile; with a golden request the next such release gets no traffic" : ""}`,
    outside: "The greeting and the health route say 200, and every prediction 500 or 503.",
    byHand: "Send the example of /docs: it fails.",
    example: (found) => ({
      ...look(found, "/"),
      described: {
        tried: {
          method: "POST",
          path: "/predict",
          from: "example",
          exchange: { outcome: "answered", ms: 9, status: 503, headers: {}, body: '{"detail":"no model"}' },
        },
      },
    }),
  },
  {
    id: "slow",
    hop: "predict",
    title: "The model is too slow",
    when: (found) =>
      found.ready?.outcome === "answered" &&
      ((found.answer?.status === 504 && !fromApi(found)) ||
        (found.answer?.outcome === "timeout" && found.predict?.outcome !== "answered")),
    verdict: (found) => (found.answer?.status === 504 ? "broken" : "slow"),
    why: (found) =>
      found.answer?.status === 504
        ? `${found.target.readyPath} answers, but the model needs longer than the ${found.target.timeoutMs / 1000} s that the edge waits`
        : `${found.target.readyPath} answers, but a prediction does not come within ${Math.round((found.answer?.ms ?? 0) / 1000)} s, from inside neither`,
    fix: () => "raise limits.timeout in dray.yaml if it must take so long; else more cpus or a smaller model",
    outside: "504, or the client gives up; the greeting answers at once.",
    byHand: "curl the same request on the container's own address: it is slow there, too.",
    example: (found) => ({
      ...found,
      answer: { outcome: "answered", ms: 2000, status: 504, headers: {}, body: "" },
      predict: { outcome: "timeout", ms: 3000 },
    }),
  },
  {
    id: "golden-differs",
    hop: "predict",
    title: "The answer is another than the golden one",
    when: (found) =>
      found.target.asks === "golden" &&
      status(found) > 0 &&
      status(found) < 400 &&
      (said(found)?.wrong ?? []).length > 0,
    why: (found) => `everything answers, but the answer is not the golden one: ${said(found)?.wrong?.[0]}`,
    fix: (found) =>
      ours(found)
        ? "dray rollback if the model is wrong; if the new answer is right, change golden.json"
        : "is it the right model? if so, change golden.json",
    outside: "200, with another answer.",
    byHand: "Compare the answer with golden.json.",
    example: (found) => ({
      ...found,
      answer: { ...found.answer, wrong: ["body.score is 0.1 instead of 0.9"] },
    }),
  },
];
