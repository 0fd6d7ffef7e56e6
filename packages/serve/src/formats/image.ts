import { inflateSync } from "node:zlib";
import { convertIndexedToRgb, decode as decodePng } from "fast-png";
import { decode as decodeJpeg } from "jpeg-js";
import type { Feeds, Port } from "../model/model.ts";
import { tensorOf } from "../model/tensors.ts";
import { Refusal } from "../refusal.ts";

interface Picture {
  width: number;
  height: number;
  /** Of one pixel: 1 gray, 2 gray and alpha, 3 red, green, blue, 4 with alpha. */
  channels: number;
  data: ArrayLike<number>;
}

interface Frame {
  height: number;
  width: number;
  channels: number;
  /** Do the channels come before height and width? */
  planes: boolean;
}

/**
 * A PNG or JPEG as the tensor of an input that is a picture by shape and type: bytes, with one or three channels last or
 * first. Which numbers another type wants for a pixel, the model does not say. @throws Refusal
 */
export function pixelsOf(
  type: "image/png" | "image/jpeg",
  bytes: Buffer,
  { port, limit }: { port: Port; limit: number },
): Feeds[string] {
  const frame = frameOf(port);
  const size = type === "image/png" ? sizeOfPng(bytes) : sizeOfJpeg(bytes);
  mustFit(size, frame, limit);
  const picture = type === "image/png" ? pngOf(bytes, size) : jpegOf(bytes, size);
  const { width, height } = picture;
  const { channels, planes } = frame;
  const cells = new Uint8Array(width * height * channels);
  const plane = width * height;
  for (let pixel = 0; pixel < plane; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      const value = channels === 1 ? grayOf(picture, pixel) : colourOf(picture, pixel, channel);
      cells[planes ? channel * plane + pixel : pixel * channels + channel] = value;
    }
  }
  const shape = planes ? [channels, height, width] : [height, width, channels];
  return tensorOf("uint8", cells, port.shape.length === 4 ? [1, ...shape] : shape);
}

function frameOf({ name, dtype, shape }: Port): Frame {
  const inner = shape.length === 4 && (shape[0] === -1 || shape[0] === 1) ? shape.slice(1) : shape;
  const [first = 0, middle = 0, last = 0] = inner;
  const isColour = (length: number): boolean => length === 1 || length === 3;
  if (inner.length === 3 && dtype === "uint8") {
    if (isColour(last)) return { height: first, width: middle, channels: last, planes: false };
    if (isColour(first)) return { height: middle, width: last, channels: first, planes: true };
  }
  throw new Refusal(
    415,
    `${name} is no picture: a picture is uint8 with 1 or 3 channels, and this is ${dtype} of shape [${shape.join(", ")}]; send application/x-npy, or use /v2`,
  );
}

type Size = [width: number, height: number];

function mustFit([width, height]: Size, frame: Frame, limit: number): void {
  const fits = (length: number, wanted: number): boolean => wanted < 0 || length === wanted;
  if (!fits(width, frame.width) || !fits(height, frame.height)) {
    const wanted = [frame.width, frame.height].map((each) => (each < 0 ? "any" : each)).join(" x ");
    throw new Refusal(422, `expected a picture of ${wanted} pixels, got ${width} x ${height}`);
  }
  if (width * height * 4 > limit)
    throw new Refusal(
      413,
      `a picture of ${width} x ${height} pixels is larger than ${limit} bytes when it is unpacked`,
    );
}

const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
/** What makes the pixels; everything else (texts, colour profiles) is packed, too, and may be of any size. */
const PIXELS = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);

function sizeOfPng(bytes: Buffer): Size {
  if (bytes.length < 33 || !bytes.subarray(0, 8).equals(PNG)) throw new Refusal(400, "the body is not a PNG");
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

function pngOf(bytes: Buffer, [width, height]: Size): Picture {
  const chunks = chunksOf(bytes).filter(({ type }) => PIXELS.has(type));
  const packed = chunks.filter(({ type }) => type === "IDAT").map(({ whole }) => whole.subarray(8, -4));
  try {
    // A line has a byte more than its pixels, and an interlaced picture more lines; 8 bytes is the widest pixel.
    inflateSync(Buffer.concat(packed), { maxOutputLength: (width * 8 + 8) * (height + 8) * 2 });
    const decoded = decodePng(Buffer.concat([PNG, ...chunks.map(({ whole }) => whole)]));
    if (decoded.depth > 8) throw new Error("more than 8 bits a channel");
    if (decoded.palette !== undefined) {
      const data = convertIndexedToRgb(decoded);
      return { width, height, data, channels: data.length / (width * height) };
    }
    if (decoded.depth < 8) throw new Error("less than 8 bits a channel");
    return { width, height, data: decoded.data, channels: decoded.channels };
  } catch (error) {
    throw new Refusal(400, `the PNG cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function chunksOf(bytes: Buffer): { type: string; whole: Buffer }[] {
  const chunks: { type: string; whole: Buffer }[] = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 12 + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    chunks.push({ type: bytes.toString("latin1", at + 4, at + 8), whole: bytes.subarray(at, end) });
    at = end;
  }
  return chunks;
}

/** From the first frame header among the markers (ITU-T T.81, B.2.2). */
function sizeOfJpeg(bytes: Buffer): Size {
  if (bytes.readUInt16BE(0) !== 0xff_d8) throw new Refusal(400, "the body is not a JPEG");
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)];
    at += marker === 0xff ? 1 : 2 + bytes.readUInt16BE(at + 2);
  }
  throw new Refusal(400, "the JPEG has no frame");
}

function jpegOf(bytes: Buffer, [width, height]: Size): Picture {
  try {
    const decoded = decodeJpeg(bytes, { useTArray: true, formatAsRGBA: false, tolerantDecoding: false });
    if (decoded.width !== width || decoded.height !== height) throw new Error("it has two sizes");
    return { width, height, data: decoded.data, channels: 3 };
  } catch (error) {
    throw new Refusal(400, `the JPEG cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function colourOf({ data, channels }: Picture, pixel: number, channel: number): number {
  return data[pixel * channels + (channels < 3 ? 0 : channel)] ?? 0;
}

/** Luma as ITU-R 601-2 weighs it, which is what PIL makes of a colour picture. */
function grayOf(picture: Picture, pixel: number): number {
  if (picture.channels < 3) return colourOf(picture, pixel, 0);
  const [red, green, blue] = [0, 1, 2].map((channel) => colourOf(picture, pixel, channel));
  return ((red ?? 0) * 19_595 + (green ?? 0) * 38_470 + (blue ?? 0) * 7471 + 0x80_00) >> 16;
}
