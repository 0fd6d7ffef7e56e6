// Posts a plan as a comment of a pull request (GitHub) or merge request (GitLab), or renews the one that is there.
import { readFileSync } from "node:fs";

const MARK = "<!-- dray plan -->";
const LONGEST = 60_000;
const PATIENCE_MS = 60_000;
const { env } = process;
const say = (text) => void process.stderr.write(`${text}\n`);

function github() {
  const { pull_request: pull } = JSON.parse(readFileSync(env.GITHUB_EVENT_PATH, "utf8"));
  if (pull === undefined) return undefined;
  const repository = `${env.GITHUB_API_URL}/repos/${env.GITHUB_REPOSITORY}`;
  return {
    list: `${repository}/issues/${pull.number}/comments?per_page=100`,
    one: ({ id }) => ["PATCH", `${repository}/issues/comments/${id}`],
    add: ["POST", `${repository}/issues/${pull.number}/comments`],
    headers: { authorization: `Bearer ${env.GITHUB_TOKEN}`, accept: "application/vnd.github+json" },
  };
}

function gitlab() {
  if (!env.CI_MERGE_REQUEST_IID) return undefined;
  const notes = `${env.CI_API_V4_URL}/projects/${env.CI_PROJECT_ID}/merge_requests/${env.CI_MERGE_REQUEST_IID}/notes`;
  return {
    list: `${notes}?per_page=100`,
    one: ({ id }) => ["PUT", `${notes}/${id}`],
    add: ["POST", notes],
    headers: { "private-token": env.DRAY_GITLAB_TOKEN ?? "" },
  };
}

/** More tildes than a plan has in a row end the block where it ends. */
function bodyOf(plan) {
  const text = plan.length > LONGEST ? `${plan.slice(0, LONGEST)}\n... (the job's log has the rest)` : plan;
  return `${MARK}\n**dray plan** for ${env.GITHUB_SHA ?? env.CI_COMMIT_SHA}\n\n~~~~~~text\n${text.trim()}\n~~~~~~\n`;
}

async function call(method, url, headers, body) {
  const answer = await fetch(url, {
    method,
    headers: { ...headers, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify({ body }) }),
  });
  if (!answer.ok) throw new Error(`${method} ${new URL(url).pathname} was answered ${answer.status}`);
  return await answer.json();
}

async function post(plan) {
  const forge = env.GITHUB_ACTIONS ? github() : gitlab();
  if (forge === undefined) return "no pull or merge request here: the plan is in the log alone";
  const { headers } = forge;
  const before = (await call("GET", forge.list, headers)).find((each) => each.body?.startsWith(MARK));
  const [method, url] = before === undefined ? forge.add : forge.one(before);
  await call(method, url, headers, bodyOf(plan));
  return before === undefined ? "the plan was posted as a comment" : "the comment with the plan was renewed";
}

const late = setTimeout(() => {
  say("the plan could not be posted: no answer in time");
  process.exit(0);
}, PATIENCE_MS);
// A plan that cannot be posted (a fork's token may not) is still in the log: that is no reason to fail the job.
await post(readFileSync(process.argv[2], "utf8")).then(say, (error) =>
  say(`the plan could not be posted: ${error.message}; may the job's token write comments?`),
);
clearTimeout(late);
