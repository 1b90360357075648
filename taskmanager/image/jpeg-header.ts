/**
 * Reads the header of a JPEG: size, EXIF orientation, colour profile. By hand, because a separate
 * header pass through the image library costs 4 % of an ordinary photograph's decoding. It walks
 * over marker segments up to the first scan and looks into two of them; whatever is unusual gives
 * null, and the image library decides.
 *
 * Pure; safe on any bytes: every read is bounds-checked and the walk is bounded.
 */
import { readExifOrientation } from './exif-orientation.ts';
import { isSrgbProfile } from './icc-profile.ts';

export interface JpegHeader {
  /** As stored, before the orientation is applied. */
  readonly width: number;
  readonly height: number;
  /** 1 to 8, as in EXIF. */
  readonly orientation: number;
  readonly progressive: boolean;
  /** `srgb`: the embedded profile says that the pixels are sRGB already. */
  readonly colorProfile: 'none' | 'srgb' | 'other';
  /** False where no end-of-image marker follows the scan: the file is cut off. */
  readonly complete: boolean;
}

const SEGMENTS_MAX = 1024;
const START_OF_SCAN = 0xda;
const APP1 = 0xe1;
const APP2 = 0xe2;
const END_OF_IMAGE = Buffer.from([0xff, 0xd9]);
const EXIF_SIGNATURE = 'Exif\0\0';
/** Followed by the number of this chunk and how many there are. */
const ICC_SIGNATURE = 'ICC_PROFILE\0';
const ICC_HEADER_BYTES = ICC_SIGNATURE.length + 2;

export function readJpegHeader(bytes: Uint8Array): JpegHeader | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frame: { width: number; height: number; progressive: boolean } | null = null;
  let orientation = 1;
  let colorProfile: JpegHeader['colorProfile'] = 'none';
  let at = 2;
  for (let segments = 0; segments < SEGMENTS_MAX; segments += 1) {
    if (buffer[at] !== 0xff) return null;
    while (buffer[at + 1] === 0xff) at += 1;
    const marker = buffer[at + 1];
    if (marker === undefined || at + 4 > buffer.length) return null;
    const length = buffer.readUInt16BE(at + 2);
    const end = at + 2 + length;
    if (length < 2 || end > buffer.length) return null;
    const payload = buffer.subarray(at + 4, end);
    if (isStartOfFrame(marker)) {
      if (frame !== null || payload.length < 6) return null;
      const height = payload.readUInt16BE(1);
      const width = payload.readUInt16BE(3);
      // A height of 0 comes later, in a DNL segment; rare enough for the library.
      if (width === 0 || height === 0) return null;
      frame = { width, height, progressive: marker === 0xc2 };
    } else if (marker === APP1 && startsWith(payload, EXIF_SIGNATURE)) {
      orientation = readExifOrientation(payload.subarray(EXIF_SIGNATURE.length));
    } else if (marker === APP2 && startsWith(payload, ICC_SIGNATURE) && colorProfile === 'none') {
      colorProfile = isSrgbProfile(payload.subarray(ICC_HEADER_BYTES)) ? 'srgb' : 'other';
    } else if (marker === START_OF_SCAN) {
      if (frame === null) return null;
      const complete = buffer.lastIndexOf(END_OF_IMAGE) >= end;
      return { ...frame, orientation, colorProfile, complete };
    }
    at = end;
  }
  return null;
}

/** SOF0 to SOF15 without DHT (C4), JPG (C8) and DAC (CC), which lie between them. */
function isStartOfFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function startsWith(payload: Buffer, signature: string): boolean {
  return payload.toString('latin1', 0, signature.length) === signature;
}
