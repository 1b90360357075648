/** Reads the orientation from an EXIF block. Pure; safe on any bytes. */

const TAG_ORIENTATION = 0x0112;
const TYPE_SHORT = 3;
const ENTRY_BYTES = 12;

/**
 * `tiff` is the block behind `Exif\0\0`. Gives 1 to 8: 1 is upright, 2 mirrored, 3 upside down,
 * 4 mirrored upside down, 5 to 8 the same lying on a side. 1 too where the block says nothing valid.
 */
export function readExifOrientation(tiff: Uint8Array): number {
  if (tiff.length < 8) return 1;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const byteOrder = view.getUint16(0);
  if (byteOrder !== 0x4949 && byteOrder !== 0x4d4d) return 1;
  const littleEndian = byteOrder === 0x4949;
  if (view.getUint16(2, littleEndian) !== 42) return 1;
  const directory = view.getUint32(4, littleEndian);
  if (directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, littleEndian);
  for (let index = 0; index < entries; index += 1) {
    const at = directory + 2 + index * ENTRY_BYTES;
    if (at + ENTRY_BYTES > tiff.length) return 1;
    if (view.getUint16(at, littleEndian) !== TAG_ORIENTATION) continue;
    if (view.getUint16(at + 2, littleEndian) !== TYPE_SHORT) return 1;
    const value = view.getUint16(at + 8, littleEndian);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** Whether width and height change places when the orientation is applied. */
export function swapsAxes(orientation: number): boolean {
  return orientation >= 5;
}
