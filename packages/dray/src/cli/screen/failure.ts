import type { Failure } from "../../base/failure.ts";
import type { ToldFailure } from "../../core/run.ts";
import { plainIn } from "./plain.ts";
import { paint } from "./screen.ts";

/** A failure for people: place and frame, one sentence, evidence, what to do next. */
export function failureText(failure: Failure): string {
  const cause = failure.cause instanceof Error ? failure.cause.stack : failure.stack;
  const debug = process.env["DRAY_DEBUG"] === undefined ? [] : [String(cause)];
  return [toldText(failure), ...debug].join("\n");
}

/** A failure's words; of one that the journal has, its stack is lost. */
export function toldText(failure: ToldFailure & Partial<Pick<Failure, "place">>): string {
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
  ].join("\n");
}

export function failureJson(failure: Failure): object {
  const { code, message, hint, place, details, exitCode } = failure;
  return { error: { code, message, hint, place, details, exitCode } };
}
