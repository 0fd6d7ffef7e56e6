/** What a model file is refused for, out of onnxruntime's own words: one sentence, and what to do. */
export function whyNotLoaded(said: string): string {
  const text = plain(said);
  for (const [pattern, words] of LOADING) {
    const found = pattern.exec(text);
    if (found !== null) return words(found.slice(1).map((each) => each ?? ""));
  }
  return `onnxruntime cannot load this model: ${short(text)}`;
}

/** Why a model that is loaded did not take an input, in onnxruntime's words without its paths. */
export function whyNotRun(said: string): string {
  const text = plain(said);
  const found = /running (\w+) node\. Name:'[^']*' Status Message: (.*)$/.exec(text);
  return found === null ? short(text) : `its ${found[1]} says: ${short(found[2] ?? "")}`;
}

type Words = (found: string[]) => string;

const TYPES: Record<string, string> = {
  14: "complex64",
  15: "complex128",
  16: "bfloat16",
  17: "float8",
  18: "float8",
  19: "float8",
  20: "float8",
};
const PREVIEW = "ai.onnx.preview.training";
const EXTENSIONS = "ai.onnx.contrib";

const LOADING: [RegExp, Words][] = [
  [/([\w.]+):(\w+)\(-?\d+\) is not a registered function\/op/, ([domain = "", name = ""]) => stranger(domain, name)],
  [
    /No Op registered for (\w+) with domain_version of (\d+)/,
    ([name, opset]) =>
      `ONNX has no operator ${name} in opset ${opset}: export the model with an opset that has it, or convert it (onnx.version_converter)`,
  ],
  [/In Node, \("[^"]*", (\w+), "([^"]*)", -1\)/, ([name = "", domain = ""]) => stranger(domain, name)],
  [
    /Could not find an implementation for (\w+)\((\d+)\) node/,
    ([name, opset]) =>
      `onnxruntime has no ${name} as opset ${opset} defined it: convert the model to a later opset (onnx.version_converter.convert_version(model, 17)), or export it again with opset_version=17`,
  ],
  [
    /Opset (\d+) is under development.*domain ([\w.]+) is till opset (\d+)/,
    ([opset, domain, most]) =>
      `the model is written in opset ${opset} of ${domain}, and this onnxruntime knows up to ${most}: export it again with opset_version=${most}`,
  ],
  [
    /Unsupported model IR version: (\d+), max supported IR version: (\d+)/,
    ([version, most]) =>
      `the file is of ONNX's IR version ${version}, and this onnxruntime reads up to ${most}: export it with an older onnx, or set model.ir_version = ${most}`,
  ],
  [
    /Unsupported data type: (\d+)|MLDataType for: tensor\((\w+)\)/,
    ([number = "", name]) =>
      `the model has tensors of the type ${name || (TYPES[number] ?? `number ${number}`)}, which cannot be served: export it with float32 or float16`,
  ],
  [
    /Failed to construct locale with name:\s*([\w.@-]+)/,
    ([name]) =>
      `the model changes the case of texts as ${name} does, a locale that is not installed here: install it, or set the operator StringNormalizer's locale to en_US.UTF-8`,
  ],
  [
    /Op \((\w+)\) \[\w+\] (.*)$/,
    ([name, why = ""]) =>
      `the model is not valid: its ${name} does not fit what goes into it (${short(why)}): export it again`,
  ],
  [/Protobuf parsing failed/, () => "this is not an ONNX model: it cannot be parsed"],
];

/** An operator that onnxruntime has not. */
function stranger(domain: string, name: string): string {
  if (domain === PREVIEW)
    return `${name} is an operator for training, which onnxruntime does not run: export the model for inference`;
  if (domain === "" || domain === "ai.onnx")
    return `onnxruntime knows no operator ${name}: export the model with the operators of ONNX`;
  const more = domain === EXTENSIONS ? " (onnxruntime-extensions)" : "";
  return `the operator ${name} comes from the package ${domain}${more}, which is not part of onnxruntime: export the model without that step, and do it before the request`;
}

const ESCAPE = String.fromCodePoint(27);
const COLOUR = new RegExp(`${ESCAPE}\\[[\\d;]*m`, "g");
/** "/onnxruntime_src/onnxruntime/core/file.cc:235 onnxruntime::Thing::Thing(const std::string&)::<lambda()> " */
const SOURCE = /(?:\/?[\w/.-]+\.(?:cc|h):\d+ )(?:[\w ]*[\w:~<>]+\([^)]*\)(?: const)?(?:::<lambda\(\)>)? )?/g;
const LONGEST = 200;

/** Without colours, line breaks, and the places in onnxruntime's own source. */
function plain(said: string): string {
  return said.replaceAll(COLOUR, "").replaceAll(SOURCE, "").replaceAll(/\s+/g, " ").trim();
}

/** At most one line. */
function short(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** A text of somebody else's file as one line that is safe to show. */
export function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  return short(text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim());
}
