import { useState } from "preact/hooks";
import type { PageProps } from "../app.tsx";
import { ask, useFeed } from "../feed.ts";
import { Badge, Card, Command, Failure, PlaceChoice, Waiting } from "../parts.tsx";
import type { Checked, Item, Section } from "../types.ts";
import { shellWord } from "../words.ts";

const SECTIONS: readonly { section: Section; title: string }[] = [
  { section: "interface", title: "Interface" },
  { section: "delivery", title: "Delivery" },
  { section: "runtime", title: "Runtime" },
  { section: "monitoring", title: "Monitoring" },
];
const KINDS = { pass: "good", fail: "bad", unknown: "warn", skipped: "calm" } as const;
const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** May it be called production? Each question with what was seen. */
export function Checks({ at, named }: PageProps) {
  const [place, setPlace] = useState(named.places[0]?.name ?? "");
  const body = { service: at, place };
  const feed = useFeed<Checked>("check", body, "once");
  const { found, failed = feed.failed } = feed.answers.get("") ?? {};
  return (
    <>
      <div class="fields">
        <button type="button" class="main" disabled={feed.asking} onClick={() => void ask("check", body)}>
          {feed.asking ? "Asking…" : "Ask again"}
        </button>
        <PlaceChoice places={named.places} chosen={place} onChoose={setPlace} />
        <Command text={`dray check --machine ${shellWord(place)} --file ${shellWord(named.file)}`} />
      </div>
      {failed === undefined ? null : <Failure failed={failed} />}
      {found === undefined && failed === undefined ? <Waiting what="The questions are being asked" lines={6} /> : null}
      {found === undefined ? null : <Score checked={found} />}
      {found === undefined
        ? null
        : SECTIONS.map(({ section, title }) => (
            <Card key={section} title={title} aside={<Badge kind="calm">{percent(found.sections[section])}</Badge>}>
              <ul>
                {found.items
                  .filter((item) => item.section === section)
                  .map((item) => (
                    <Question key={item.number} item={item} />
                  ))}
              </ul>
            </Card>
          ))}
    </>
  );
}

function Score({ checked: { score, items } }: { checked: Checked }) {
  const failed = items.filter(({ verdict }) => verdict === "fail").length;
  return (
    <div class={`banner ${score === 1 ? "good" : "warn"}`} role="status">
      <Badge kind={score === 1 ? "good" : "warn"}>{percent(score)}</Badge>
      <p>
        {failed === 0 ? "No question is answered with no." : `${failed} questions are answered with no.`} The worst
        section is the score.
      </p>
    </div>
  );
}

function Question({ item: { verdict, title, evidence, fix, number } }: { item: Item }) {
  return (
    <li class="question">
      <Badge kind={KINDS[verdict]}>{verdict}</Badge>
      <div>
        <p>
          <span class="soft">{number}.</span> <strong>{title}</strong>
        </p>
        <p class="soft">{evidence}</p>
        {fix === undefined ? null : (
          <p>
            <strong>Fix:</strong> {fix}
          </p>
        )}
      </div>
    </li>
  );
}
