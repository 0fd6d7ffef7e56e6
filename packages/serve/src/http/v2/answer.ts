import type { Tensor } from "onnxruntime-node";
import { bytesOf, bytesOfTexts } from "../../formats/bytes.ts";
import type { Feeds } from "../../model/model.ts";
import { jsonCell, kindOf } from "../../model/tensors.ts";
import type { Service } from "../../service.ts";
import type { Identity } from "../openapi.ts";
import type { Asking, Wanted } from "./request.ts";

/** An answer of the protocol: JSON, and behind it the bytes of the tensors that are wanted as such. */
export interface Answer {
  json: object;
  bytes: Buffer[];
}

interface Form {
  datatype: string;
  shape: readonly number[];
  data: () => unknown[];
  bytes: () => Buffer;
}

/** The outputs as the client wants them. */
export function answerOf({ id, wanted }: Asking, made: Feeds, service: Service, identity: Identity): Answer {
  const bytes: Buffer[] = [];
  const outputs = wanted.map((each) => {
    const { datatype, shape, ...form } = formOf(each, made, service);
    const described = { name: each.port.name, datatype, shape };
    if (!each.binary) return { ...described, data: form.data() };
    const own = form.bytes();
    bytes.push(own);
    return { ...described, parameters: { binary_data_size: own.length } };
  });
  const { service: name, release: version } = identity;
  return { json: { model_name: name, model_version: version, ...(id === undefined ? {} : { id }), outputs }, bytes };
}

function formOf({ port, best }: Wanted, made: Feeds, service: Service): Form {
  const tensor = made[port.name];
  if (tensor === undefined) throw new TypeError(`the model gave no ${port.name}`);
  if (best > 0) return bestOf(tensor, best, service);
  return {
    datatype: kindOf(port.dtype).oip,
    shape: tensor.dims,
    data: () => Array.from({ length: tensor.size }, (_, index) => jsonCell(tensor, index)),
    bytes: () => bytesOf(tensor),
  };
}

/** The highest of each row, as the protocol's classification extension writes them: value, place and name. */
function bestOf(tensor: Tensor, best: number, service: Service): Form {
  const width = tensor.dims.at(-1) ?? 1;
  const count = Math.min(best, width);
  const { classes } = service.meaning;
  const texts: string[] = [];
  for (let from = 0; from < tensor.size; from += width) {
    const places = Array.from({ length: width }, (_, place) => ({ place, value: jsonCell(tensor, from + place) }));
    places.sort((one, other) => Number(other.value) - Number(one.value));
    for (const { place, value } of places.slice(0, count)) {
      const name = classes.length === width ? `:${String(classes[place])}` : "";
      texts.push(`${String(value)}:${place}${name}`);
    }
  }
  const shape = [...tensor.dims.slice(0, -1), count];
  return { datatype: "BYTES", shape, data: () => texts, bytes: () => bytesOfTexts(texts) };
}
