import { copyFileSync, linkSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface ImageSet {
  readonly folder: string;
  readonly files: readonly string[];
  readonly bytesMean: number;
}

/** `count` files made of the folder's images, repeated under new names. */
export function prepareImages(from: string, to: string, count: number): ImageSet {
  const names = readdirSync(from).filter((name) => /\.(jpe?g|png|webp)$/i.test(name));
  if (names.length === 0) throw new Error(`no images in ${from}`);
  mkdirSync(to, { recursive: true });
  let bytes = 0;
  const files = Array.from({ length: count }, (_, index) => {
    const name = names[index % names.length] ?? '';
    const target = join(to, `${String(Math.floor(index / names.length)).padStart(4, '0')}-${name}`);
    linkOrCopy(join(from, name), target);
    bytes += statSync(target).size;
    return target;
  });
  return { folder: to, files, bytesMean: Math.round(bytes / count) };
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
