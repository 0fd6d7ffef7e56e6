import { type Evidence, type Exchange, fromApi } from "./evidence.ts";
import { exchanged, type Judged, SLOW_MS, timed, unseen, type HopDefinition } from "./hop-words.ts";
import { whose } from "./openapi.ts";

/** How a golden request comes to be, for those who have none. */
const KEEP_GOLDEN = "dray golden record --path PATH -d @body.json";

const releaseOf = ({ headers }: Exchange): string => {
  const release = headers?.["x-dray-release"];
  return release === undefined ? "" : `, from ${release}`;
};

/** The last part of the way: from the API to its model. */
export const PREDICT_HOP: HopDefinition = {
  hop: "predict",
  title: "prediction",
  to: ({ target, described }) => {
    const { method, path } = described?.tried ?? target;
    return `${method} ${path}`;
  },
  judge: (found) => {
    const said = found.answer?.outcome === "answered" ? found.answer : found.predict;
    if (said === undefined)
      return found.answer === undefined
        ? unseen("not asked", "a way there")
        : unseen(exchanged(found.answer), "a way there", found.answer.ms);
    if (said.outcome !== "answered") return unseen(exchanged(said), "an answer", said.ms);
    const evidence = `${exchanged(said)} ${said === found.answer ? "from here" : "from inside"}${releaseOf(said)}`;
    if (found.target.asks === "look") return judgeLook(found, `${evidence}, to GET ${found.target.path}`, said);
    const right = found.target.asks === "golden" ? said.wrong?.length === 0 : (said.status ?? 500) < 400;
    return right ? timed(evidence, said.ms, SLOW_MS.answer) : unseen(evidence, "a prediction", said.ms);
  },
  explain: ({ target, described }) =>
    `${EXPLAINED[target.asks]}${described?.tried === undefined ? "" : " The API's own OpenAPI or list of models named a prediction, which was sent once."} A 4xx is about the request, a 5xx about the API; both prove that everything before it works.`,
};

const EXPLAINED: Record<Evidence["target"]["asks"], string> = {
  golden: "The golden request: its answer is known, and compared.",
  given: "The request itself.",
  look: "There is no golden request, and a GET is no prediction: its answer shows that the API is there.",
};

/** Whether the model predicts, where only the API's own description can say what to ask it. */
function judgeLook(found: Evidence, looked: string, said: Exchange): Judged {
  if (said === found.answer && !fromApi(found)) return unseen(looked, "an answer of the API itself", said.ms);
  const { described } = found;
  const tried = described?.tried;
  if (tried === undefined)
    return unseen(looked, `a golden request (${described?.none ?? "nothing was predicted"}): ${KEEP_GOLDEN}`, said.ms);
  const { exchange } = tried;
  const evidence = `${exchanged(exchange)} from here${releaseOf(exchange)}, to ${whose(tried)}`;
  if (exchange.outcome === "answered" && (exchange.status ?? 0) < 400)
    return {
      ...timed(evidence, exchange.ms, SLOW_MS.answer),
      note: "dray golden record keeps it as the golden request",
    };
  const closed = exchange.status === 401 || exchange.status === 403;
  const missing = closed
    ? "a key: dray trace -H 'authorization: Bearer KEY'"
    : `a request that the API takes: ${KEEP_GOLDEN}`;
  return unseen(evidence, missing, exchange.ms);
}
