import type { FastifyInstance } from "fastify";
import { cellsIn, tensorOfBytes } from "../formats/bytes.ts";
import { rowsOfCsv } from "../formats/csv.ts";
import { pixelsOf } from "../formats/image.ts";
import { isNpy, tensorOfNpy } from "../formats/npy.ts";
import { fitsPort, onlyInput, shapeOfCells } from "../formats/shape.ts";
import type { Feeds, Model } from "../model/model.ts";
import { Refusal } from "../refusal.ts";
import type { Service } from "../service.ts";

/** A body that is a tensor, not rows by name. */
export class TensorBody {
  readonly feeds: Feeds;
  /** Was one row sent, and not a list of them? */
  readonly single: boolean;

  constructor(feeds: Feeds, single: boolean) {
    this.feeds = feeds;
    this.single = single;
  }
}

/** What a client is told that sends something else. */
export const ACCEPTED =
  "send JSON with the header content-type: application/json; text/csv, application/x-npy, application/octet-stream, image/png and image/jpeg are taken where the model's input is such";

/** Everything but application/json, which the server reads by itself: as rows, or as a tensor. */
export function addBodies(app: FastifyInstance, loaded: () => Service, limit: number): void {
  // Fastify would hand text on as it is.
  app.removeContentTypeParser("text/plain");
  app.addContentTypeParser("*", { parseAs: "buffer" }, (request, body, done) => {
    try {
      done(null, read(request.headers["content-type"], body as Buffer, { service: loaded(), limit }));
    } catch (error) {
      done(error as Error);
    }
  });
}

interface To {
  service: Service;
  /** Bytes of a body, also when it is unpacked. */
  limit: number;
}

function read(header: string | undefined, body: Buffer, { service, limit }: To): unknown {
  const type = header?.split(";")[0]?.trim().toLowerCase();
  if (type === "text/csv") return rowsOfCsv(body.toString(), service.features);
  if (type === "image/png" || type === "image/jpeg") return imageBody(type, body, service.model, limit);
  if (type === "application/x-npy" || (type === "application/octet-stream" && isNpy(body)))
    return npyBody(body, service);
  if (type === "application/octet-stream") return rawBody(body, service);
  // curl -d says that it sends a form, and who knows no better says nothing.
  const maybeJson = type === undefined || type === "application/x-www-form-urlencoded" || /[/+]json$/.test(type);
  if (!maybeJson) throw new Refusal(415, `the content type ${type.slice(0, 100)} is not taken; ${ACCEPTED}`);
  try {
    return JSON.parse(body.toString());
  } catch {
    if (type !== undefined && type.endsWith("json")) throw new Refusal(400, "the body is not valid JSON");
    throw new Refusal(415, `the body is not JSON, and no content type says what it is; ${ACCEPTED}`);
  }
}

function rawBody(body: Buffer, { model, counted }: Service): TensorBody {
  const port = onlyInput(model);
  const count = cellsIn(port.dtype, body.length);
  if (count === undefined)
    throw new Refusal(400, `${port.name}: ${body.length} bytes do not make whole cells of ${port.dtype}`);
  const dims = shapeOfCells(port, count);
  if (dims.includes(0)) throw new Refusal(422, `${port.name}: expected at least one row, got no bytes`);
  return new TensorBody({ [port.name]: tensorOfBytes(port.dtype, body, dims) }, !counted || dims[0] === 1);
}

/** An array of one row's shape is that row, one of the input's shape is a list. */
function npyBody(body: Buffer, { model, counted }: Service): TensorBody {
  const port = onlyInput(model);
  const tensor = tensorOfNpy(body, port);
  const isRow = counted && fitsPort([1, ...tensor.dims], port);
  if (!isRow && !fitsPort(tensor.dims, port))
    throw new Refusal(
      400,
      `${port.name}: expected the shape [${port.shape.join(", ")}], got [${tensor.dims.join(", ")}]`,
    );
  if (!isRow && tensor.dims[0] === 0) throw new Refusal(422, `${port.name}: expected at least one row, got none`);
  const feeds = { [port.name]: isRow ? tensor.reshape([1, ...tensor.dims]) : tensor };
  return new TensorBody(feeds, isRow || !counted);
}

function imageBody(type: "image/png" | "image/jpeg", body: Buffer, model: Model, limit: number): TensorBody {
  const port = onlyInput(model);
  return new TensorBody({ [port.name]: pixelsOf(type, body, { port, limit }) }, true);
}
