/** Looks into ICC profiles. Pure; safe on any bytes. */

const HEADER_BYTES = 128;
const TAG_BYTES = 12;
const TAGS_MAX = 100;

/**
 * Whether the profile calls itself sRGB. Converting such pixels to sRGB changes nothing that can be
 * seen, and takes as long as decoding and resizing the photograph; one photograph in seven has it.
 */
export function isSrgbProfile(profile: Buffer): boolean {
  if (profile.length < HEADER_BYTES + 4) return false;
  if (profile.toString('latin1', 16, 20) !== 'RGB ') return false;
  const tags = Math.min(profile.readUInt32BE(HEADER_BYTES), TAGS_MAX);
  for (let index = 0; index < tags; index += 1) {
    const at = HEADER_BYTES + 4 + index * TAG_BYTES;
    if (at + TAG_BYTES > profile.length) return false;
    if (profile.toString('latin1', at, at + 4) !== 'desc') continue;
    const from = profile.readUInt32BE(at + 4);
    const description = profile.subarray(from, from + profile.readUInt32BE(at + 8));
    // Plain ASCII in version 2 profiles, UTF-16 (big-endian) in version 4.
    return description.toString('latin1').replaceAll('\0', '').includes('sRGB');
  }
  return false;
}
