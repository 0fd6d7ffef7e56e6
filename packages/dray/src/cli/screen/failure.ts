import type { Failure } from "../../base/failure.ts";
import { plainIn } from "./plain.ts";
import { paint } from "./screen.ts";

/** A failure for people: place and frame, one sentence, evidence, what to do next. */
export function failureText(failure: Failure): string {
  const { place } = failure;
  const { message, details, hint } = plainIn({
    message: failure.message,
    details: failure.details,
    hint: failure.hint,
  });
  return [
    ...(place === undefined ? [] : [`${place.file}:${place.line}:${place.column}`]),
    `${paint("red", "error")} [${failure.code}] ${message}`,
    ...(place?.frame === undefined ? [] : [place.frame]),
    ...details.map((line) => paint("dim", line)),
    ...(hint === undefined ? [] : [`${paint("cyan", "hint:")} ${hint}`]),
    ...(process.env["DRAY_DEBUG"] === undefined
      ? []
      : [String(failure.cause instanceof Error ? failure.cause.stack : failure.stack)]),
  ].join("\n");
}

export function failureJson(failure: Failure): object {
  const { code, message, hint, place, details, exitCode } = failure;
  return { error: { code, message, hint, place, details, exitCode } };
}
