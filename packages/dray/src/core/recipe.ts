import type { Context } from "./context.ts";
import type { Cargo } from "./registry.ts";

/** What an engine knows of an image, as far as it matters here. */
export interface ImageFacts {
  id: string;
  architecture: string;
  /** TCP ports of EXPOSE. */
  exposed: number[];
  /** Uncompressed, in bytes. */
  size: number;
}

/** The TCP ports of an image's EXPOSE, as engines and image configs write it: `8080/tcp`. */
export function tcpPorts(exposed: Record<string, object> | null | undefined): number[] {
  const names = Object.keys(exposed ?? {}).filter((port) => !port.endsWith("/udp"));
  return names.map((port) => Number.parseInt(port, 10));
}

/** An image that a release can be made of. */
export interface Built {
  reference: string;
  /** Facts of the local engine; undefined when only a registry has it. */
  facts?: ImageFacts;
  /** Made without an engine, and ready to be carried. */
  cargo?: Cargo;
  /** How it wants to be run. */
  run?: { ready: string; readOnly: boolean };
}

/** What a recipe is asked for: the manifest's part that is about the image. */
export interface RecipeOrder {
  service: string;
  /** That relative paths start from. */
  folder: string;
  image?: string | undefined;
  /** An .onnx file, its schema.yaml, and the route of its API. */
  model?: string | undefined;
  schema?: string | undefined;
  route?: string | undefined;
  /** The file of golden requests. */
  golden?: string | undefined;
  limits?: {
    timeout: number;
    queue?: number | undefined;
    body?: number | undefined;
    cpus?: number | undefined;
    gpus?: number | undefined;
  };
  /** Image under a model's server; Node on Debian's libraries when left out. */
  base?: string | undefined;
  /** Of the folder, for the image's labels. */
  commit?: string | undefined;
  build?:
    | string
    | {
        context: string;
        dockerfile?: string | undefined;
        args?: Record<string, string> | undefined;
        target?: string | undefined;
      }
    | undefined;
}

/** How an image comes to be. The first recipe of the catalogue that wants an order gets it. */
export interface Recipe {
  kind: string;
  /** What the step is called on the screen; undefined when there is nothing to see. */
  title?: string;
  /** Does the image depend on the architecture it is made for? */
  perArchitecture: boolean;
  wants(order: RecipeOrder): boolean;
  /** Makes or finds the image. `architecture`: Docker's name of the machine's, amd64 or arm64. @throws Failure image.*, docker.local-missing */
  make(order: RecipeOrder, architecture: string, context: Context): Promise<Built>;
}
