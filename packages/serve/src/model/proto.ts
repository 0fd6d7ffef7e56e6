import protobuf from "protobufjs/light.js";

/**
 * The part of ONNX's ModelProto that is read here (onnx/onnx.proto, IR version 10). What is only passed through is
 * declared as bytes: a nested message and a byte string look the same on the wire.
 */
const root = protobuf.Root.fromJSON({
  nested: {
    Entry: { fields: { key: { id: 1, type: "string" }, value: { id: 2, type: "string" } } },
    Attribute: {
      fields: {
        name: { id: 1, type: "string" },
        ints: { id: 8, type: "int64", rule: "repeated" },
        strings: { id: 9, type: "bytes", rule: "repeated" },
      },
    },
    Node: {
      fields: {
        input: { id: 1, type: "string", rule: "repeated" },
        output: { id: 2, type: "string", rule: "repeated" },
        name: { id: 3, type: "string" },
        opType: { id: 4, type: "string" },
        attribute: { id: 5, type: "bytes", rule: "repeated" },
        docString: { id: 6, type: "string" },
        domain: { id: 7, type: "string" },
        overload: { id: 8, type: "string" },
        metadataProps: { id: 9, type: "bytes", rule: "repeated" },
      },
    },
    TensorType: { fields: { elemType: { id: 1, type: "int32" }, shape: { id: 2, type: "bytes" } } },
    Type: {
      fields: {
        tensorType: { id: 1, type: "TensorType" },
        sequenceType: { id: 4, type: "bytes" },
        mapType: { id: 5, type: "bytes" },
        denotation: { id: 6, type: "string" },
        sparseTensorType: { id: 8, type: "bytes" },
        optionalType: { id: 9, type: "bytes" },
      },
    },
    Value: {
      fields: {
        name: { id: 1, type: "string" },
        type: { id: 2, type: "Type" },
        docString: { id: 3, type: "string" },
      },
    },
    Graph: {
      fields: {
        node: { id: 1, type: "Node", rule: "repeated" },
        name: { id: 2, type: "string" },
        initializer: { id: 5, type: "bytes", rule: "repeated" },
        docString: { id: 10, type: "string" },
        input: { id: 11, type: "Value", rule: "repeated" },
        output: { id: 12, type: "Value", rule: "repeated" },
        valueInfo: { id: 13, type: "bytes", rule: "repeated" },
        quantizationAnnotation: { id: 14, type: "bytes", rule: "repeated" },
        sparseInitializer: { id: 15, type: "bytes", rule: "repeated" },
        metadataProps: { id: 16, type: "bytes", rule: "repeated" },
      },
    },
    Model: {
      fields: {
        irVersion: { id: 1, type: "int64" },
        producerName: { id: 2, type: "string" },
        producerVersion: { id: 3, type: "string" },
        domain: { id: 4, type: "string" },
        modelVersion: { id: 5, type: "int64" },
        docString: { id: 6, type: "string" },
        graph: { id: 7, type: "Graph" },
        opsetImport: { id: 8, type: "bytes", rule: "repeated" },
        metadataProps: { id: 14, type: "Entry", rule: "repeated" },
        trainingInfo: { id: 20, type: "bytes", rule: "repeated" },
        functions: { id: 25, type: "bytes", rule: "repeated" },
      },
    },
  },
});

interface ValueType {
  tensorType?: { elemType: number; shape?: Uint8Array };
  sequenceType?: Uint8Array;
  mapType?: Uint8Array;
}

export interface ValueProto {
  name: string;
  type?: ValueType;
}

export interface NodeProto {
  input: string[];
  output: string[];
  opType: string;
  domain: string;
  attribute: Uint8Array[];
}

export interface ModelProto {
  producerName?: string;
  producerVersion?: string;
  docString?: string;
  graph?: { name?: string; node: NodeProto[]; input: ValueProto[]; output: ValueProto[] };
  metadataProps: { key: string; value: string }[];
}

const Model = root.lookupType("Model");
const Attribute = root.lookupType("Attribute");

/** Bytes of an .onnx file -> message. @throws Error when they are not protobuf */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return Model.decode(bytes) as unknown as ModelProto;
}

export function encodeModel(model: ModelProto): Uint8Array {
  return Model.encode(model).finish();
}

/** A node's attribute: its strings or its integers. */
export function attributeOf(node: NodeProto, name: string): string[] {
  interface Decoded {
    name: string;
    strings: Uint8Array[];
    ints: (number | { toString(): string })[];
  }
  for (const bytes of node.attribute) {
    const found = Attribute.decode(bytes) as unknown as Decoded;
    if (found.name !== name) continue;
    const strings = found.strings.map((each) => Buffer.from(each).toString());
    return strings.length > 0 ? strings : found.ints.map(String);
  }
  return [];
}
