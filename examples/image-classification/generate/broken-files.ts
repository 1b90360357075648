/** Three files as they turn up in real buckets, that no careful decoder accepts. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Random } from './random.ts';
import { renderScene } from './render.ts';
import { drawScene } from './scene.ts';

const TEXT = 'This is a note that someone saved with the wrong ending. It is not a picture.\n';

export async function writeBrokenFiles(out: string): Promise<void> {
  const folder = join(out, 'camera-1');
  await mkdir(folder, { recursive: true });
  const random = new Random(0, 0);
  const whole = await renderScene(random, drawScene(random, 0), 'jpeg');
  // An upload that broke off: a valid header, then half of the picture.
  await writeFile(join(folder, 'truncated.jpg'), whole.subarray(0, Math.floor(whole.length * 0.4)));
  await writeFile(join(folder, 'note.jpg'), TEXT);
  await writeFile(join(folder, 'empty.png'), '');
}
