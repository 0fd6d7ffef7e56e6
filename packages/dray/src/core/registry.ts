import type { Context } from "./context.ts";

/** An image that is ready to be carried: where its manifest is, and what it weighs. */
export interface Cargo {
  /** `sha256:...` of the manifest. */
  digest: string;
  /** Compressed layers, in bytes. */
  layers: readonly { digest: string; size: number }[];
  /** One image, not an index of several: its layers are all there is to it. */
  whole: boolean;
}

/** Told while an image travels, in bytes. */
export type OnBytes = (done: number, total: number) => void;

/** Where a machine gets its images from. */
export interface Registry {
  kind: string;
  /** Makes an image of this computer's engine ready to be carried. `reference` is what that engine calls it. @throws Failure image.* */
  load(reference: string, name: string, context: Context): Promise<Cargo>;
}
