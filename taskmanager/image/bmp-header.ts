/**
 * Reads and checks the header of a BMP: everything that the decoder relies on, so that it needs no
 * doubt of its own. The header is not trusted: sizes are checked against the bytes that are there.
 * Pure.
 */
import { corruptError } from './image-error.ts';

export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  /** Rows are stored from the top; usually they come from the bottom. */
  readonly topDown: boolean;
  readonly bitsPerPixel: 1 | 4 | 8 | 16 | 24 | 32;
  readonly runLengthEncoded: boolean;
  /** Where the pixels begin. */
  readonly dataOffset: number;
  /** Where the colour table begins, how many entries it has, and their length. */
  readonly palette: { readonly offset: number; readonly entries: number; readonly bytes: 3 | 4 };
  /** Red, green, blue, alpha (0: none); for 16 and 32 bits. */
  readonly masks: readonly [number, number, number, number];
}

const FILE_HEADER_BYTES = 14;
const CORE_HEADER_BYTES = 12;
/** OS/2 1.x; Windows: info, V2, V3, V4, V5; OS/2 2.x. */
const HEADER_BYTES = [12, 40, 52, 56, 108, 124, 64];
const BITS_PER_PIXEL = [1, 4, 8, 16, 24, 32] as const;

const RGB = 0;
const RLE8 = 1;
const RLE4 = 2;
const BITFIELDS = 3;
const ALPHA_BITFIELDS = 6;

const MASKS_555 = [0x7c00, 0x03e0, 0x001f, 0] as const;
const MASKS_888 = [0xff0000, 0x00ff00, 0x0000ff, 0] as const;

/** Throws IMAGE_CORRUPT where the header is invalid or of a kind that nobody decodes. */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FILE_HEADER_BYTES + CORE_HEADER_BYTES) throw bmpError('it is cut off');
  const headerBytes = view.getUint32(FILE_HEADER_BYTES, true);
  if (!HEADER_BYTES.includes(headerBytes)) {
    throw bmpError(`its header has an unknown length (${headerBytes} bytes)`);
  }
  if (bytes.length < FILE_HEADER_BYTES + headerBytes) throw bmpError('it is cut off');
  const core = headerBytes === CORE_HEADER_BYTES;
  const width = core ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = core ? view.getUint16(20, true) : view.getInt32(22, true);
  if (width <= 0 || signedHeight === 0) {
    throw bmpError(`its size is invalid (${width} × ${signedHeight} pixels)`);
  }
  const bitsPerPixel = depthOf(view.getUint16(core ? 24 : 28, true));
  const compression = core ? RGB : view.getUint32(30, true);
  checkCompression(compression, bitsPerPixel, signedHeight < 0, headerBytes);
  const dataOffset = view.getUint32(10, true);
  if (dataOffset < FILE_HEADER_BYTES + headerBytes || dataOffset >= bytes.length) {
    throw bmpError(`its pixels begin outside the file (at ${dataOffset} of ${bytes.length} bytes)`);
  }
  return {
    width,
    height: Math.abs(signedHeight),
    topDown: signedHeight < 0,
    bitsPerPixel,
    runLengthEncoded: compression === RLE8 || compression === RLE4,
    dataOffset,
    palette: paletteOf(view, { headerBytes, compression, bitsPerPixel, dataOffset }),
    masks: masksOf(view, { headerBytes, compression, bitsPerPixel }),
  };
}

function depthOf(bits: number): BmpHeader['bitsPerPixel'] {
  const found = BITS_PER_PIXEL.find((known) => known === bits);
  if (found === undefined) throw bmpError(`it has ${bits} bits per pixel, which BMP does not know`);
  return found;
}

function checkCompression(
  compression: number,
  bitsPerPixel: number,
  topDown: boolean,
  headerBytes: number,
): void {
  const allowed =
    compression === RGB ||
    (compression === RLE8 && bitsPerPixel === 8 && !topDown) ||
    (compression === RLE4 && bitsPerPixel === 4 && !topDown) ||
    // In OS/2 headers 3 means Huffman coding.
    ((compression === BITFIELDS || compression === ALPHA_BITFIELDS) &&
      (bitsPerPixel === 16 || bitsPerPixel === 32) &&
      headerBytes !== 64);
  if (!allowed) {
    throw bmpError(`compression ${compression} with ${bitsPerPixel} bits per pixel is not decoded`);
  }
}

interface HeaderFacts {
  readonly headerBytes: number;
  readonly compression: number;
  readonly bitsPerPixel: number;
}

/** Masks that follow a plain info header; later headers contain them. */
function masksBehindHeader(facts: HeaderFacts): number {
  if (facts.headerBytes !== 40) return 0;
  if (facts.compression === BITFIELDS) return 12;
  return facts.compression === ALPHA_BITFIELDS ? 16 : 0;
}

function paletteOf(
  view: DataView,
  facts: HeaderFacts & { readonly dataOffset: number },
): BmpHeader['palette'] {
  const bytes = facts.headerBytes === CORE_HEADER_BYTES ? 3 : 4;
  const offset = FILE_HEADER_BYTES + facts.headerBytes + masksBehindHeader(facts);
  if (facts.bitsPerPixel > 8) return { offset, entries: 0, bytes };
  const used = bytes === 3 ? 0 : view.getUint32(46, true);
  const all = 2 ** facts.bitsPerPixel;
  const room = Math.max(0, Math.floor((facts.dataOffset - offset) / bytes));
  return { offset, entries: Math.min(used === 0 ? all : used, all, room), bytes };
}

function masksOf(view: DataView, facts: HeaderFacts): BmpHeader['masks'] {
  const at = FILE_HEADER_BYTES + 40;
  if (facts.compression !== BITFIELDS && facts.compression !== ALPHA_BITFIELDS) {
    return facts.bitsPerPixel === 16 ? MASKS_555 : MASKS_888;
  }
  if (at + 16 > view.byteLength) throw bmpError('it is cut off');
  const hasAlpha = facts.headerBytes >= 56 || facts.compression === ALPHA_BITFIELDS;
  return [
    view.getUint32(at, true),
    view.getUint32(at + 4, true),
    view.getUint32(at + 8, true),
    hasAlpha ? view.getUint32(at + 12, true) : 0,
  ];
}

export function bmpError(reason: string): Error {
  return corruptError('bmp', reason);
}
