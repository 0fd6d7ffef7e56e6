import { existsSync } from "node:fs";
import path from "node:path";
import type { RecipeOrder } from "../core/recipe.ts";

/** The files a model is served with: absolute paths. */
export interface ModelFiles {
  model: string;
  /** Named in the manifest, else schema.yaml beside the model when it is there. */
  schema?: string;
  /** Only when it is there. */
  golden?: string;
}

/** Where an order's model, schema and golden requests are. Whether the model is there is for its reader to find out. */
export function modelFiles(order: RecipeOrder): ModelFiles {
  const at = (name: string): string => path.resolve(order.folder, name);
  const model = at(order.model ?? "");
  const schema = order.schema === undefined ? path.join(path.dirname(model), "schema.yaml") : at(order.schema);
  const golden = at(order.golden ?? "golden.json");
  return {
    model,
    ...(order.schema !== undefined || existsSync(schema) ? { schema } : {}),
    ...(existsSync(golden) ? { golden } : {}),
  };
}
