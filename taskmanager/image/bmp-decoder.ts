/**
 * Decodes BMP, the one common format that sharp has no loader for. Of the libraries on npm, fast-bmp
 * knows neither run lengths nor 16 bits, bmp-ts gives wrong colours for images with a palette and
 * for run lengths, and the complete ones are no longer kept; none lets its caller bound what it
 * allocates. BMP is small enough for one file: rows of indices, of packed bits, or of run lengths.
 *
 * Pure and synchronous: a few nanoseconds a pixel on the caller's thread.
 */
import { type BmpHeader, bmpError } from './bmp-header.ts';

/** Rows from the top, interleaved, 8 bits a channel. */
export interface DecodedPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
}

/** The caller has checked `width × height` against its limit. Throws IMAGE_CORRUPT. */
export function decodeBmp(bytes: Uint8Array, header: BmpHeader): DecodedPixels {
  if (header.runLengthEncoded) return decodeRunLengths(bytes, header);
  const rowBytes = Math.ceil((header.width * header.bitsPerPixel) / 8);
  const stride = Math.ceil(rowBytes / 4) * 4;
  const needed = header.dataOffset + stride * (header.height - 1) + rowBytes;
  if (needed > bytes.length) {
    throw bmpError(`the data ends too early (${bytes.length} of ${needed} bytes)`);
  }
  switch (header.bitsPerPixel) {
    case 1:
    case 4:
    case 8:
      return decodeIndexed(bytes, header, stride);
    case 24:
      return decodeBgr(bytes, header, stride);
    case 16:
    case 32:
      return decodeMasked(bytes, header, stride);
    default:
      return header.bitsPerPixel satisfies never;
  }
}

function allocate(header: BmpHeader, channels: 3 | 4): DecodedPixels {
  const { width, height } = header;
  return { data: new Uint8Array(width * height * channels), width, height, channels };
}

/** Where the row that is stored at `index` begins in the decoded image, in pixels. */
function rowStart(header: BmpHeader, index: number): number {
  return (header.topDown ? index : header.height - 1 - index) * header.width;
}

/** 256 entries of red, green, blue; indices beyond the colour table are black. */
function readPalette(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const colors = new Uint8Array(256 * 3);
  const { offset, entries, bytes: entryBytes } = header.palette;
  for (let index = 0; index < entries; index += 1) {
    const at = offset + index * entryBytes;
    colors[index * 3] = bytes[at + 2] ?? 0;
    colors[index * 3 + 1] = bytes[at + 1] ?? 0;
    colors[index * 3 + 2] = bytes[at] ?? 0;
  }
  return colors;
}

function decodeIndexed(bytes: Uint8Array, header: BmpHeader, stride: number): DecodedPixels {
  const image = allocate(header, 3);
  const colors = readPalette(bytes, header);
  const bits = header.bitsPerPixel;
  const mask = 2 ** bits - 1;
  for (let row = 0; row < header.height; row += 1) {
    const from = header.dataOffset + row * stride;
    let to = rowStart(header, row) * 3;
    for (let x = 0; x < header.width; x += 1, to += 3) {
      const bit = x * bits;
      const byte = bytes[from + (bit >> 3)] as number;
      copyColor(colors, (byte >> (8 - bits - (bit & 7))) & mask, image.data, to);
    }
  }
  return image;
}

function copyColor(colors: Uint8Array, index: number, target: Uint8Array, at: number): void {
  target[at] = colors[index * 3] as number;
  target[at + 1] = colors[index * 3 + 1] as number;
  target[at + 2] = colors[index * 3 + 2] as number;
}

function decodeBgr(bytes: Uint8Array, header: BmpHeader, stride: number): DecodedPixels {
  const image = allocate(header, 3);
  const { data } = image;
  for (let row = 0; row < header.height; row += 1) {
    let from = header.dataOffset + row * stride;
    let to = rowStart(header, row) * 3;
    for (let x = 0; x < header.width; x += 1, from += 3, to += 3) {
      data[to] = bytes[from + 2] as number;
      data[to + 1] = bytes[from + 1] as number;
      data[to + 2] = bytes[from] as number;
    }
  }
  return image;
}

/** One channel of packed pixels: `table[(pixel >>> shift) & mask]`. */
interface PackedChannel {
  readonly shift: number;
  readonly mask: number;
  readonly table: Uint8Array;
}

function packedChannel(mask: number): PackedChannel {
  if (mask === 0) return { shift: 0, mask: 0, table: Uint8Array.of(0) };
  const low = 31 - Math.clz32(mask & -mask);
  const bits = 32 - Math.clz32(mask) - low;
  if (mask >>> low !== 2 ** bits - 1) throw bmpError('the bits of a colour are not side by side');
  // Of wider channels the upper 8 bits are the picture.
  const kept = Math.min(bits, 8);
  const most = 2 ** kept - 1;
  const table = Uint8Array.from({ length: most + 1 }, (_, value) =>
    Math.round((value * 255) / most),
  );
  return { shift: low + bits - kept, mask: most, table };
}

function decodeMasked(bytes: Uint8Array, header: BmpHeader, stride: number): DecodedPixels {
  const [red, green, blue, alpha] = header.masks.map(packedChannel) as [
    PackedChannel,
    PackedChannel,
    PackedChannel,
    PackedChannel,
  ];
  const hasAlpha = header.masks[3] !== 0;
  const image = allocate(header, hasAlpha ? 4 : 3);
  const { data, channels } = image;
  const pixelBytes = header.bitsPerPixel / 8;
  let opacity = 0;
  for (let row = 0; row < header.height; row += 1) {
    let from = header.dataOffset + row * stride;
    let to = rowStart(header, row) * channels;
    for (let x = 0; x < header.width; x += 1, from += pixelBytes, to += channels) {
      let pixel = (bytes[from] as number) | ((bytes[from + 1] as number) << 8);
      if (pixelBytes === 4) {
        pixel |= ((bytes[from + 2] as number) << 16) | ((bytes[from + 3] as number) << 24);
      }
      data[to] = red.table[(pixel >>> red.shift) & red.mask] as number;
      data[to + 1] = green.table[(pixel >>> green.shift) & green.mask] as number;
      data[to + 2] = blue.table[(pixel >>> blue.shift) & blue.mask] as number;
      if (!hasAlpha) continue;
      const value = alpha.table[(pixel >>> alpha.shift) & alpha.mask] as number;
      data[to + 3] = value;
      opacity |= value;
    }
  }
  // Many writers name an alpha mask and leave the channel empty; nobody means an invisible picture.
  if (hasAlpha && opacity === 0) {
    for (let at = 3; at < data.length; at += 4) data[at] = 255;
  }
  return image;
}

/** RLE8 and RLE4: runs (count, value), and behind a 0: end of row, end, move, literal pixels. */
function decodeRunLengths(bytes: Uint8Array, header: BmpHeader): DecodedPixels {
  const image = allocate(header, 3);
  const colors = readPalette(bytes, header);
  const nibbles = header.bitsPerPixel === 4;
  const { width, height } = header;
  let at = header.dataOffset;
  let x = 0;
  let row = 0;
  const put = (index: number): void => {
    if (x < width) copyColor(colors, index, image.data, (rowStart(header, row) + x) * 3);
    x += 1;
  };
  const next = (): number => {
    const byte = bytes[at];
    if (byte === undefined) throw bmpError('the data ends too early');
    at += 1;
    return byte;
  };
  const paletteIndex = (byte: number, index: number): number => {
    if (!nibbles) return byte;
    return index % 2 === 0 ? byte >> 4 : byte & 15;
  };
  while (row < height) {
    // The last row is there: some writers leave out the end marker.
    if (at >= bytes.length && row === height - 1 && x >= width) break;
    const count = next();
    const value = next();
    if (count > 0) {
      for (let index = 0; index < count; index += 1) put(paletteIndex(value, index));
    } else if (value === 0) {
      x = 0;
      row += 1;
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      x += next();
      row += next();
    } else {
      const from = at;
      let byte = 0;
      for (let index = 0; index < value; index += 1) {
        if (!nibbles || index % 2 === 0) byte = next();
        put(paletteIndex(byte, index));
      }
      // Literal pixels fill whole 16-bit words.
      at += (at - from) % 2;
    }
  }
  return image;
}
