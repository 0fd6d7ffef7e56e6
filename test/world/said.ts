import type { Vm } from "./vm.ts";

/** What was said, without what depends on this run: the machine's name, its address, releases and times. */
function steady(text: string, vm: Pick<Vm, "address" | "host">): string {
  return (
    text
      .trim()
      .replaceAll(vm.address, "ADDRESS")
      .replaceAll(vm.host, "MACHINE")
      .replaceAll(/from 1[0-9a-z]{7}\b/g, "from RELEASE")
      .replaceAll(/api-[0-9a-z]{8}-1/g, "CONTAINER")
      .replaceAll(/in \d+ ms/g, "in N ms")
      .replaceAll(/, line \d+,/g, ", line N,")
      // An image for another processor than this computer's has a name and a content of its own each time.
      .replaceAll(/foreign-[0-9a-f]{8}/g, "foreign-HASH")
      .replaceAll(/\b(amd64|arm64)\b/g, "ARCH")
  );
}

/** The last words: from the line on that begins so. */
export function lastWords(text: string, begin: RegExp, vm: Pick<Vm, "address" | "host">): string[] {
  const lines = steady(text, vm).split("\n");
  return lines.slice(lines.findLastIndex((line) => begin.test(line)));
}

/** What `dray trace --json` says, as far as a table has it. */
export interface Traced {
  hops: { hop: string; verdict: string; fault?: string }[];
}

/** In two words: how the prediction is, or which fault is the cause. */
export function predictionOf({ hops }: Traced): string {
  const broken = hops.find(({ fault }) => fault !== undefined);
  const predict = hops.find(({ hop }) => hop === "predict");
  return broken === undefined ? (predict?.verdict ?? "") : `${broken.verdict}: ${broken.fault}`;
}
