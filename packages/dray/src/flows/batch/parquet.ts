import path from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { Failure } from "../../base/failure.ts";
import type { BatchRow } from "./row.ts";

/** Rows that are held at once. Each reading decodes the columns of a whole row group, so it is not smaller. */
const STEP = 50_000;

/** The rows of a Parquet file; a missing value is null. @throws Failure usage.invalid */
export async function* parquetRows(file: string): AsyncGenerator<BatchRow> {
  const read = async <T>(work: Promise<T>): Promise<T> => await work.catch((error: unknown) => refuse(file, error));
  const buffer = await asyncBufferFromFile(file);
  const metadata = await read(parquetMetadataAsync(buffer));
  const total = Number(metadata.num_rows);
  for (let from = 0; from < total; from += STEP) {
    const rowEnd = Math.min(total, from + STEP);
    const objects = await read(parquetReadObjects({ file: buffer, metadata, rowStart: from, rowEnd, compressors }));
    for (const [at, object] of objects.entries()) yield { row: from + at + 1, body: JSON.stringify(object, plain) };
  }
}

/** How many rows a Parquet file says that it has. @throws Failure usage.invalid */
export async function parquetCount(file: string): Promise<number> {
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(file)).catch((error: unknown) =>
    refuse(file, error),
  );
  return Number(metadata.num_rows);
}

function refuse(file: string, error: unknown): never {
  const said = error instanceof Error ? error.message : String(error);
  throw new Failure("usage.invalid", `${path.basename(file)} cannot be read as Parquet: ${said}`, {
    hint: "CSV and JSON lines are taken, too",
    cause: error,
  });
}

/** 64-bit integers beyond what JSON's readers keep exactly go as text; bytes as base64. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (ArrayBuffer.isView(value)) return [...(value as Float32Array)];
  return value;
}
