// Posts standard input to a URL at a rate, open loop: a slow answer does not slow the next request, and a request's time
// counts from when it was due. Prints {"rps","p50","p99"}, in milliseconds.
import { readFileSync } from "node:fs";
import http from "node:http";

const [, , url, rate, seconds] = process.argv;
const body = readFileSync(0);
const agent = new http.Agent({ keepAlive: true, maxSockets: 128 });
const authorization = process.env.AUTHORIZATION;
const headers = {
  "content-type": "application/json",
  "content-length": body.length,
  ...(authorization === undefined ? {} : { authorization }),
};
const times = [];
let failed = 0;
let open = 0;

// Mulberry32, so that both sides of a comparison meet the same arrivals.
let seed = 42;
function random() {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}

function call(due) {
  open++;
  const done = (ok) => {
    open--;
    if (ok) times.push(performance.now() - due);
    else failed++;
  };
  const request = http.request(url, { method: "POST", agent, headers }, (answer) => {
    answer.resume();
    answer.once("end", () => done(answer.statusCode === 200));
  });
  request.once("error", () => done(false));
  request.end(body);
}

const startedAt = performance.now();
const until = startedAt + Number(seconds) * 1000;
let due = startedAt;
while (due < until || open > 0) {
  const now = performance.now();
  while (due <= now && due < until) {
    call(due);
    due += (-Math.log(1 - random()) / Number(rate)) * 1000;
  }
  // No timer: one of a millisecond would make bursts.
  await new Promise((resolve) => setImmediate(resolve));
}
if (failed > 0) throw new Error(`${failed} requests failed`);
times.sort((a, b) => a - b);
const at = (share) => Math.round(times[Math.floor((times.length - 1) * share)] * 1000) / 1000;
process.stdout.write(JSON.stringify({ rps: times.length / Number(seconds), p50: at(0.5), p99: at(0.99) }));
process.exit(0);
