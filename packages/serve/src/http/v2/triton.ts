import type { Port } from "../../model/model.ts";
import { kindOf } from "../../model/tensors.ts";
import type { Service } from "../../service.ts";
import type { Identity } from "../openapi.ts";

// What Triton's clients ask beside the protocol: its extensions model configuration, statistics and model repository.

/** Names of the protocol's extensions that are spoken here. */
export const EXTENSIONS = [
  "binary_tensor_data",
  "classification",
  "model_configuration",
  "model_repository",
  "statistics",
];

/** The model as Triton's own configuration would say it. */
export function configOf(service: Service, { service: name }: Identity): object {
  const { inputs, outputs } = service.model;
  const { counted, batching } = service;
  const described = (port: Port): object => ({
    name: port.name,
    data_type: `TYPE_${port.dtype === "string" ? "STRING" : kindOf(port.dtype).oip}`,
    // Where rows are counted, the number of rows is not a dimension of the model's.
    dims: counted ? port.shape.slice(1) : port.shape,
  });
  return {
    name,
    platform: "onnxruntime_onnx",
    backend: "onnxruntime",
    max_batch_size: counted ? Math.max(1, batching.rows) : 0,
    input: inputs.map(described),
    output: outputs.map(described),
  };
}

/** How much was asked and how long it took, from Prometheus' text of all processes. */
export function statisticsOf(text: string, { service: name, release: version }: Identity): object {
  const total = (metric: string): number =>
    [...text.matchAll(new RegExp(`^${metric}(?:\\{[^\\n]*\\})? (\\S+)$`, "gm"))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  const runs = total("dray_model_seconds_count");
  const spent = (metric: string): object => ({
    count: total(`${metric}_count`),
    ns: Math.round(total(`${metric}_sum`) * 1e9),
  });
  const none = { count: 0, ns: 0 };
  const queue = spent("dray_queue_seconds");
  return {
    name,
    version,
    inference_count: total("dray_batch_rows_sum"),
    execution_count: runs,
    inference_stats: {
      success: spent("dray_model_seconds"),
      fail: none,
      queue,
      compute_input: none,
      compute_infer: spent("dray_model_seconds"),
      compute_output: none,
    },
    batch_stats: [],
  };
}
