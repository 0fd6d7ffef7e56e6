import { gce } from "./clouds/gce/gce.ts";
import { dockerfile } from "./recipes/dockerfile.ts";
import { onnx } from "./recipes/onnx.ts";
import { image } from "./recipes/image.ts";
import { direct } from "./registries/direct.ts";
import { kubernetes } from "./targets/kubernetes/kubernetes.ts";
import { machines } from "./targets/machines/machines.ts";
import { gs } from "./weights/gs.ts";
import { here } from "./weights/here.ts";
import { hf } from "./weights/hf.ts";
import { https } from "./weights/https.ts";
import { oci } from "./weights/oci.ts";
import { s3 } from "./weights/s3.ts";
import { vertex } from "./targets/vertex/vertex.ts";

/** Every plug, one line each: a new one is one file and one line here. test/contract runs over this table. */
export const CATALOGUE = {
  /** In this order: the last one takes what no other wants. */
  recipes: [image, onnx, dockerfile],
  registries: [direct],
  weights: [here, https, hf, s3, gs, oci],
  /** Each is given the project that was named, if one was. */
  clouds: { gce },
  targets: { machines, vertex, kubernetes },
  /** What looks at containers that were started by hand, where no manifest names a target. */
  byHand: machines,
};
