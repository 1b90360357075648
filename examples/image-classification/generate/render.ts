/**
 * From SVG to an image file, with a camera's faults: blur, exposure, contrast, colour cast,
 * grain and JPEG compression, each drawn from the scene's own random numbers.
 */
import sharp from 'sharp';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';

export type ImageFormat = 'jpeg' | 'png' | 'webp';

export async function renderScene(
  random: Random,
  scene: Scene,
  format: ImageFormat,
): Promise<Buffer> {
  const { width, height } = scene;
  let drawn = sharp(Buffer.from(scene.svg))
    .flatten({ background: '#000000' })
    .toColourspace('srgb');
  if (random.chance(0.4)) drawn = drawn.blur(random.between(0.4, 1.3));
  const pixels = await drawn.raw().toBuffer();
  expose(random, pixels, { grain: format === 'jpeg' });
  const image = sharp(pixels, { raw: { width, height, channels: 3 } });
  switch (format) {
    case 'jpeg':
      return image.jpeg({ quality: random.integer(62, 88) }).toBuffer();
    case 'png':
      return image.png({ palette: true, colours: 128, dither: 0 }).toBuffer();
    case 'webp':
      return image.webp({ quality: random.integer(65, 85) }).toBuffer();
    default:
      return format satisfies never;
  }
}

/** Changes the RGB pixels in place. Grain is left out of PNGs: it would not compress. */
function expose(random: Random, pixels: Buffer, options: { readonly grain: boolean }): void {
  const gain = random.between(0.86, 1.14);
  const contrast = random.between(0.85, 1.12);
  const cast = [random.between(0.95, 1.05), 1, random.between(0.95, 1.05)];
  const grain = options.grain && random.chance(0.5) ? random.between(2, 9) : 0;
  for (let index = 0; index < pixels.length; index++) {
    const level = (pixels[index] ?? 0) * gain * (cast[index % 3] ?? 1);
    const noise = grain === 0 ? 0 : random.bell() * grain;
    const value = (level - 128) * contrast + 128 + noise;
    pixels[index] = Math.max(0, Math.min(255, Math.round(value)));
  }
}
