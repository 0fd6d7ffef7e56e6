import { Badge, Card, Table } from "../parts.tsx";
import type { Called, KeptRequest } from "../types.ts";
import { bytesText, msText } from "../words.ts";

/** What came back: pictures as pictures, everything else as text. */
export function AnswerCard({ called, kept }: { called: Called; kept: KeptRequest | undefined }) {
  const { status, release, bytes, wrong, timing } = called;
  const times: [string, number | undefined][] = [
    ["Name looked up", timing.dnsMs],
    ["Connected", timing.connectMs],
    ["Queue of the edge", timing.queueMs],
    ["Model", timing.modelMs],
    ["First byte", timing.firstByteMs],
    ["In all", timing.totalMs],
  ];
  return (
    <Card
      title="Answer"
      aside={
        <span class="fields">
          <Badge kind={status >= 500 ? "bad" : status >= 400 ? "warn" : "good"}>{status}</Badge>
          {release === undefined ? null : <span class="mono">{release}</span>}
          <span class="soft">{bytes === undefined ? "" : bytesText(bytes)}</span>
        </span>
      }
    >
      {wrong.map((text) => (
        <p key={text} class="said">
          <Badge kind="bad">not as expected</Badge> {text}
        </p>
      ))}
      <Content called={called} />
      {kept === undefined ? null : <Before kept={kept} now={called} />}
      <Table
        label="Where the time went"
        columns={["Where the time went", { name: "", number: true }]}
        rows={times.flatMap(([name, ms]) => (ms === undefined ? [] : [[name, msText(ms)]]))}
      />
    </Card>
  );
}

function Content({ called: { headers, body, base64 } }: { called: Called }) {
  const [type = ""] = (headers["content-type"] ?? "").split(";");
  if (base64 !== undefined && /^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(type))
    return <img class="answer" src={`data:${type};base64,${base64}`} alt="The answer, a picture" />;
  if (base64 !== undefined) return <p class="calm">The answer is {type}, and no text.</p>;
  return <pre class="answer">{indented(body)}</pre>;
}

/** What the log says that it was answered the first time. */
function Before({ kept, now }: { kept: KeptRequest; now: Called }) {
  const before = kept.answer === undefined ? "" : JSON.stringify(kept.answer, null, 2);
  const isSame = kept.status === now.status && (before === "" || before === indented(now.body));
  return (
    <>
      <p class="said">
        <Badge kind={isSame ? "good" : "warn"}>{isSame ? "the same answer as" : "another answer than"}</Badge>{" "}
        {kept.release} gave at {kept.at.slice(0, 19).replace("T", " ")}: {kept.status}, {msText(kept.ms)}
      </p>
      {isSame || before === "" ? null : <pre class="answer">{before}</pre>}
    </>
  );
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
