import type { Front } from "../core/release.ts";
import { SOURCE } from "./access.ts";
import { refuse } from "./answers.ts";
import { file } from "./script.ts";
import { HOME } from "./state.ts";

/** The program that counts, in the edge's volume. */
const TOKENS_FILE = "tokens.lua";

/**
 * Counts the tokens of answers as they go by, in HAProxy itself, and keeps none of them back: each piece is looked at and goes on.
 *
 * - `usage`, which OpenAI's servers write at the end of an answer (of a stream, where it was asked for), is what counts. A quote
 *   in a text of the model's is escaped in JSON, so that no text can be taken for it. What comes last holds.
 * - A stream without it is counted by its events: the servers send one for each token, or for a few.
 * - A piece may end anywhere: its end is looked at again with the next one.
 * - A caller has a bucket of `count` tokens that is refilled evenly. What is answered is taken out while it is answered, and a
 *   request is refused while the bucket is empty: how long an answer will be is not known before it is there.
 * - There is one state for all threads, with one lock, so that a caller's bucket is one. The lock is held for microseconds.
 */
const PROGRAM = String.raw`-- Written by dray.
local TAIL, MOST = 1024, 50000
local EVENTS = { '"choices"', '"response.output_text.delta"' }
local buckets, many = {}, 0

local function seconds()
  local now = core.now()
  return now.sec + now.usec / 1000000
end

local function refill(bucket, now)
  bucket.owed = math.max(0, bucket.owed - (now - bucket.at) * bucket.count / bucket.per)
  bucket.at = now
  return bucket.owed
end

-- Full buckets need not be known; addresses are many.
local function forget(now)
  for who, bucket in pairs(buckets) do
    if refill(bucket, now) == 0 then
      buckets[who] = nil
      many = many - 1
    end
  end
  if many > MOST then buckets, many = {}, 0 end
end

local function bucketOf(who, now)
  if buckets[who] == nil then
    if many > MOST then forget(now) end
    buckets[who] = { owed = 0, at = now }
    many = many + 1
  end
  return buckets[who]
end

core.register_action("tokens_left", { "http-req" }, function(txn, service, count, per)
  local who = service .. " " .. (txn:get_var("txn.caller") or txn:get_var("txn.source") or "-")
  local now = seconds()
  local bucket = bucketOf(who, now)
  bucket.count, bucket.per = tonumber(count), tonumber(per)
  txn:set_var("txn.bucket", who)
  local over = refill(bucket, now) - bucket.count
  if over >= 0 then
    txn:set_var("txn.wait", tostring(math.max(1, math.ceil(over * bucket.per / bucket.count))))
  end
end, 3)

local Tokens = { id = "dray tokens", flags = filter.FLT_CFG_FL_HTX }
Tokens.__index = Tokens

function Tokens:new()
  return setmetatable({ tail = "", events = 0, taken = 0 }, Tokens)
end

function Tokens:start_analyze(txn, channel)
  if channel:is_resp() then filter.register_data_filter(self, channel) end
end

function Tokens:http_headers(txn, message)
  local headers = message:get_headers()
  local kind = (headers["content-type"] or {})[0] or ""
  self.streams = kind:sub(1, 17) == "text/event-stream"
  self.counts = (self.streams or kind:find("json", 1, true) ~= nil) and headers["content-encoding"] == nil
end

local function usageIn(text)
  local last
  for usage in text:gmatch('"usage"%s*:%s*(%b{})') do
    if usage:find('_tokens"', 1, true) then last = usage end
  end
  return last
end

local function number(usage, one, other)
  return tonumber(usage:match('"' .. one .. '"%s*:%s*(%d+)') or usage:match('"' .. other .. '"%s*:%s*(%d+)') or 0)
end

-- How often a word ends in what is new.
local function countIn(text, old, word)
  local found, from = 0, math.max(1, old - #word + 2)
  while true do
    local at, last = text:find(word, from, true)
    if at == nil then return found end
    found, from = found + 1, last + 1
  end
end

function Tokens:look(text, old)
  if self.streams and self.asked == nil then
    for _, word in ipairs(EVENTS) do self.events = self.events + countIn(text, old, word) end
  end
  local usage = text:find('"usage"', 1, true) and usageIn(text)
  if usage then
    self.asked = number(usage, "prompt_tokens", "input_tokens")
    self.answered = number(usage, "completion_tokens", "output_tokens")
  end
end

function Tokens:tell(txn)
  local asked, answered = self.asked or 0, self.answered or self.events
  if asked + answered == self.taken then return end
  txn:set_var("txn.tokens", asked .. "+" .. answered)
  local bucket = buckets[txn:get_var("txn.bucket") or ""]
  if bucket then bucket.owed = bucket.owed + asked + answered - self.taken end
  self.taken = asked + answered
end

function Tokens:http_payload(txn, message)
  if not self.counts then return end
  local piece = message:body()
  if piece == nil or piece == "" then return end
  local text = self.tail .. piece
  self:look(text, #self.tail)
  self.tail = text:sub(-TAIL)
  self:tell(txn)
end

core.register_filter("tokens", Tokens, function(self) return self end)
`;

/** Lines of the configuration's global part, where a service has its tokens counted. */
export const TOKENS_GLOBAL: readonly string[] = [
  // Said, or HAProxy warns that it was otherwise once.
  "  tune.lua.bool-sample-conversion normal",
  `  lua-load ${HOME}/${TOKENS_FILE}`,
];

/** Lines of bash that write what the configuration names. */
export const tokensFiles = (): string[] => [file(TOKENS_FILE, PROGRAM)];

/** A service's lines: its answers are counted; the rate is each key's, or where there are none each address's. */
export function tokenRules(service: string, front: Front | undefined): string[] {
  if (front?.tokens === undefined) return [];
  const { count, perMs } = front.tokens;
  const refused = { status: 429, title: "too many tokens for you", limit: "rate" };
  return [
    `  http-request set-var(txn.source) ${SOURCE}`,
    `  http-request lua.tokens_left ${service} ${count} ${perMs / 1000}`,
    `  ${refuse(refused, { "retry-after": "%[var(txn.wait)]" })} if { var(txn.wait) -m found }`,
  ];
}

export const TOKENS_FILTER = "  filter lua.tokens";
