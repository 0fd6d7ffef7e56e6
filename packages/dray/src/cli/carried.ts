import { Failure } from "../base/failure.ts";
import type { CarriedRequest, Field, Payload } from "../core/payload.ts";
import { readPayload, typeOf } from "../manifest/payload.ts";

/** What `--data` and `--form` say that a request carries, with their files read; undefined: nothing. @throws Failure usage.invalid, request.no-file */
export async function carriedOf(
  data: string | undefined,
  fields: readonly string[] | undefined,
): Promise<CarriedRequest | undefined> {
  if (data !== undefined && fields !== undefined)
    throw new Failure("usage.invalid", "a request carries --data or --form, not both", {
      hint: "a file beside other fields: --form image=@cat.jpg --form size=3",
    });
  if (fields !== undefined) return await withFiles({ form: Object.fromEntries(fields.map(fieldOf)) });
  return data === undefined ? undefined : await withFiles(dataOf(data));
}

async function withFiles(said: CarriedRequest): Promise<CarriedRequest> {
  const payload = await readPayload(said, process.cwd());
  return payload === undefined ? said : asJson({ ...said, payload });
}

function dataOf(data: string): CarriedRequest {
  if (data.startsWith("@")) return { file: data.slice(1) };
  try {
    return { body: JSON.parse(data) as never };
  } catch {
    // Whoever writes a bracket means JSON: how an API refuses a broken one may be what is asked.
    return /^\s*[{["]/.test(data)
      ? { text: data, payload: { type: "application/json", bytes: Buffer.from(data) } }
      : { text: data };
  }
}

/** A file that holds JSON is kept as JSON: then it can be read, and compared, where it is kept. */
function asJson(said: CarriedRequest & { payload: Payload }): CarriedRequest {
  const { file, payload } = said;
  if (file === undefined) return said;
  const unnamed = payload.type === typeOf("");
  if (payload.type !== "application/json" && !unnamed) return said;
  try {
    const body = JSON.parse(Buffer.from(payload.bytes).toString("utf8")) as never;
    // What travels is the file as it is, to the last blank.
    return { body, payload: { ...payload, type: "application/json" } };
  } catch {
    return said;
  }
}

/** `name=value`, `name=@file`, `name=@file;type=image/png`. @throws Failure usage.invalid */
function fieldOf(said: string): [string, Field] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(said) ?? [];
  if (name === undefined || value === undefined)
    throw new Failure("usage.invalid", `${said} is no field of a form`, {
      hint: "--form name=value, or --form image=@cat.jpg",
    });
  if (!value.startsWith("@")) return [name, value];
  const [, file = "", type] = /^@(.*?)(?:;type=([^;]+))?$/s.exec(value) ?? [];
  return [name, type === undefined ? { file } : { file, type }];
}
