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
        f: { id: 2, type: "float" },
        i: { id: 3, type: "int64" },
        s: { id: 4, type: "bytes" },
        t: { id: 5, type: "Tensor" },
        g: { id: 6, type: "Graph" },
        floats: { id: 7, type: "float", rule: "repeated" },
        ints: { id: 8, type: "int64", rule: "repeated" },
        strings: { id: 9, type: "bytes", rule: "repeated" },
        type: { id: 20, type: "int32" },
      },
    },
    Tensor: {
      fields: {
        dims: { id: 1, type: "int64", rule: "repeated" },
        dataType: { id: 2, type: "int32" },
        int32Data: { id: 5, type: "int32", rule: "repeated" },
        stringData: { id: 6, type: "bytes", rule: "repeated" },
        int64Data: { id: 7, type: "int64", rule: "repeated" },
        name: { id: 8, type: "string" },
        rawData: { id: 9, type: "bytes" },
        externalData: { id: 13, type: "Entry", rule: "repeated" },
        dataLocation: { id: 14, type: "int32" },
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

export interface GraphProto {
  name?: string;
  node: NodeProto[];
  initializer: Uint8Array[];
  input: ValueProto[];
  output: ValueProto[];
}

export interface ModelProto {
  producerName?: string;
  producerVersion?: string;
  docString?: string;
  graph?: GraphProto;
  opsetImport: Uint8Array[];
  metadataProps: { key: string; value: string }[];
}

/** protobufjs gives 64-bit integers as objects where `long` is there. */
type Int64 = number | { toString(): string };

export interface TensorProto {
  name: string;
  dims: Int64[];
  dataType: number;
  int32Data: number[];
  int64Data: Int64[];
  stringData: Uint8Array[];
  rawData: Uint8Array;
  externalData: { key: string; value: string }[];
  dataLocation: number;
}

export interface AttributeProto {
  name: string;
  f: number;
  i: Int64;
  s: Uint8Array;
  t?: TensorProto | null;
  g?: GraphProto | null;
  floats: number[];
  ints: Int64[];
  strings: Uint8Array[];
}

const Model = root.lookupType("Model");
const Attribute = root.lookupType("Attribute");
const Tensor = root.lookupType("Tensor");

/** Bytes of an .onnx file -> message. @throws Error when they are not protobuf */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return Model.decode(bytes) as unknown as ModelProto;
}

export function encodeModel(model: ModelProto): Uint8Array {
  return Model.encode(model).finish();
}

/** An initializer, which the model's message keeps as bytes. Its weights are not copied. */
export function decodeTensor(bytes: Uint8Array): TensorProto {
  return Tensor.decode(bytes) as unknown as TensorProto;
}

const STRING = 3;

/** A node's attributes with a text among them, in the place of one of the same name. */
export function withText(node: NodeProto, name: string, value: string): Uint8Array[] {
  const others = node.attribute.filter((bytes) => (Attribute.decode(bytes) as unknown as AttributeProto).name !== name);
  return [...others, Attribute.encode({ name, s: Buffer.from(value), type: STRING }).finish()];
}

/** All attributes of a node. */
export const attributesOf = (node: NodeProto): AttributeProto[] =>
  node.attribute.map((bytes) => Attribute.decode(bytes) as unknown as AttributeProto);

/** A node's attribute, when it has one of that name. */
export function attributeOf(node: NodeProto, name: string): AttributeProto | undefined {
  for (const bytes of node.attribute) {
    const found = Attribute.decode(bytes) as unknown as AttributeProto;
    if (found.name === name) return found;
  }
  return undefined;
}

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
