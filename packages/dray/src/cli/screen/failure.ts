import type { Failure } from "../../base/failure.ts";
import { paint } from "./screen.ts";

/** A failure for people: place and frame, one sentence, evidence, what to do next. */
export function failureText(failure: Failure): string {
  const { place } = failure;
  return [
    ...(place === undefined ? [] : [`${place.file}:${place.line}:${place.column}`]),
    `${paint("red", "error")} [${failure.code}] ${failure.message}`,
    ...(place?.frame === undefined ? [] : [place.frame]),
    ...failure.details.map((line) => paint("dim", line)),
    ...(failure.hint === undefined ? [] : [`${paint("cyan", "hint:")} ${failure.hint}`]),
    ...(process.env["DRAY_DEBUG"] === undefined
      ? []
      : [String(failure.cause instanceof Error ? failure.cause.stack : failure.stack)]),
  ].join("\n");
}

export function failureJson(failure: Failure): object {
  const { code, message, hint, place, details, exitCode } = failure;
  return { error: { code, message, hint, place, details, exitCode } };
}
