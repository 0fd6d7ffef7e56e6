import * as z from "zod";
import { secretSource } from "./parts.ts";

/** Where weights come from: what stands before `://`, or nothing for a path on this computer. */
export const schemeOf = (from: string): string => /^([a-z][a-z0-9]*):\/\//.exec(from)?.[1] ?? "file";

const inside = z.string().regex(/^\/(?!.*\/\.\.(\/|$)).+$/, "expected a folder in the container, such as /models/qwen");

const one = z
  .strictObject({
    from: z
      .string()
      .min(1)
      .describe(
        "`https://...`, `hf://ORG/NAME@COMMIT`, `s3://BUCKET/KEY`, `gs://BUCKET/OBJECT`, `oci://REGISTRY/NAME@sha256:...`, or a file or folder of this computer. A folder in a bucket or a repository ends with a slash.",
      ),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "expected a SHA-256 in hex, as sha256sum prints it")
      .optional()
      .describe(
        "SHA-256 of the file; of a folder, that of the lines which sha256sum prints for its files, in the order of their paths.",
      ),
    at: inside.describe("Folder where the container finds them, read-only."),
    only: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('The only files that are wanted of many: `["*.safetensors", "*.json"]`.'),
    token: secretSource
      .optional()
      .describe(
        "Bearer token for an `https` source, and for `hf` instead of this computer's login: `{env: NAME}`, `{file: PATH}`, `{command: [...]}`.",
      ),
  })
  .superRefine((weights, context) => {
    const problem = problemOf(weights);
    if (problem !== undefined) context.addIssue({ code: "custom", path: [problem.key], message: problem.text });
  });

/** What the manifest says of weights outside the image. */
export type WeightsText = z.infer<typeof one>;

interface Problem {
  key: "from" | "sha256" | "token" | "only";
  text: string;
}

/** How a source is written, and the words in it that pin its content. */
interface Shape {
  form: RegExp;
  expected: string;
  pinned?: RegExp;
  pin: string;
  /** It may have many files. */
  many?: true;
}

const URL_SHAPE: Shape = {
  form: /^https?:\/\/(?!\/)/,
  expected: "a URL",
  pin: "name the file's sha256: what a URL leads to may change",
};
const SHAPES: Record<string, Shape> = {
  https: URL_SHAPE,
  http: URL_SHAPE,
  file: { form: /^/, expected: "a path", pinned: /^/, pin: "", many: true },
  hf: {
    form: /^hf:\/\/[\w.-]+(\/[\w.-]+)?(@[^/]+)?(\/.*)?$/,
    expected: "hf://ORG/NAME@COMMIT, and /PATH behind it for a part",
    pinned: /@[0-9a-f]{40}(\/|$)/,
    pin: "name a commit of 40 digits (hf://ORG/NAME@COMMIT), or a sha256: a branch moves",
    many: true,
  },
  s3: {
    form: /^s3:\/\/[\w.-]+\/.+$/,
    expected: "s3://BUCKET/KEY, with a slash at its end for a folder",
    pinned: /[^/]\?versionId=[^&]+$/,
    pin: "name a sha256, or the version of an object: s3://BUCKET/KEY?versionId=VERSION",
    many: true,
  },
  gs: {
    form: /^gs:\/\/[\w.-]+\/.+$/,
    expected: "gs://BUCKET/OBJECT, with a slash at its end for a folder",
    pinned: /[^/]#\d+$/,
    pin: "name a sha256, or the generation of an object: gs://BUCKET/OBJECT#GENERATION",
    many: true,
  },
  oci: {
    form: /^oci:\/\/[^/]+\/.+$/,
    expected: "oci://REGISTRY/NAME@sha256:DIGEST",
    pinned: /@sha256:[0-9a-f]{64}$/,
    pin: "name the artifact by its digest (oci://REGISTRY/NAME@sha256:DIGEST), or a sha256: a tag moves",
    many: true,
  },
};

function problemOf({ from, sha256, token, only }: Omit<WeightsText, "at">): Problem | undefined {
  const scheme = schemeOf(from);
  const shape = SHAPES[scheme];
  if (shape === undefined)
    return {
      key: "from",
      text: `weights come from ${Object.keys(SHAPES).join("://, ")}:// or a path, not ${scheme}://`,
    };
  const isUrl = shape === URL_SHAPE;
  if (!shape.form.test(from) || (isUrl && !URL.canParse(from)))
    return { key: "from", text: `expected ${shape.expected}` };
  if (isUrl && new URL(from).username !== "")
    return { key: "from", text: "a login does not belong in a URL; give it as token" };
  if (sha256 === undefined && shape.pinned?.test(from) !== true) return { key: "sha256", text: shape.pin };
  if (token !== undefined && scheme !== "https" && scheme !== "hf")
    return { key: "token", text: "a token goes with https and hf only" };
  if (only !== undefined && shape.many !== true) return { key: "only", text: "only goes with what may be many files" };
  return undefined;
}

/** The manifest's key about weights. */
export const weightsKey = z
  .record(z.string().regex(/^[a-z][a-z0-9-]{0,38}$/, "expected lower-case letters, digits and dashes"), one)
  .optional()
  .describe(
    "Files outside the image, by name: `{qwen: {from: https://..., sha256: ..., at: /models/qwen}}`. Each machine fetches them once, before the switch, and its releases share them, read-only.",
  );
