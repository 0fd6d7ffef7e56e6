import type { PageProps } from "../app.tsx";
import { Command } from "../parts.tsx";
import { route } from "../route.ts";
import { OneRun } from "./run.tsx";
import { RunList } from "./run-list.tsx";
import { Shadows } from "./shadow.tsx";

/** What was changed from this computer: all of it, or one run from its beginning on. */
export function Runs({ at, named }: PageProps) {
  const { id } = route.value;
  if (id !== undefined) return <OneRun key={id} id={id} at={at} />;
  return (
    <>
      <Command text={`dray runs --service ${named.service}`} />
      <RunList at={at} title="Runs from this computer" most={50} />
      <Shadows at={at} named={named} />
    </>
  );
}
