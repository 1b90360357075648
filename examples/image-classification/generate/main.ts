/**
 * Draws street scenes and writes them as image files. The same seed and count give the same
 * files; picture number i of a seed does not depend on how many are drawn.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeBrokenFiles } from './broken-files.ts';
import { SCENE_CLASSES } from './classes.ts';
import { Random } from './random.ts';
import { type ImageFormat, renderScene } from './render.ts';
import { drawScene, type Scene } from './scene.ts';

const HELP = `Draws street scenes with one main object each and writes them as JPEG files.

Usage: node generate/main.ts --out DIR [options]

  --out DIR       where the files go (made if missing)
  --count N       how many pictures (default 100); classes take turns
  --seed S        a whole number (default 1); the same seed gives the same pictures
  --cameras N     spread the files over N folders camera-1 … camera-N (default 0: no folders)
  --mixed         every 15th file is a PNG, every 15th a WebP
  --broken        add three files that no decoder accepts
  --labels FILE   write a CSV with the true class of each picture
  --classes       print the class names in index order and end
  --help          this text

Example: node generate/main.ts --out /tmp/street --count 500 --seed 7 --labels /tmp/street.csv
`;

interface Options {
  readonly out: string;
  readonly count: number;
  readonly seed: number;
  readonly cameras: number;
  readonly mixed: boolean;
  readonly broken: boolean;
  readonly labels: string | undefined;
}

function readOptions(): Options | 'help' | 'classes' {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      count: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      cameras: { type: 'string', default: '0' },
      mixed: { type: 'boolean', default: false },
      broken: { type: 'boolean', default: false },
      labels: { type: 'string' },
      classes: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (values.classes) return 'classes';
  if (values.out === undefined) throw new Error('--out DIR is missing');
  return {
    out: values.out,
    count: wholeNumber('--count', values.count, 1_000_000),
    seed: wholeNumber('--seed', values.seed, 2 ** 31 - 1),
    cameras: wholeNumber('--cameras', values.cameras, 1000),
    mixed: values.mixed,
    broken: values.broken,
    labels: values.labels,
  };
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0 || value > max) {
    throw new Error(`${name} must be a whole number from 0 to ${max}, not '${text}'`);
  }
  return value;
}

const EXTENSIONS: Readonly<Record<ImageFormat, string>> = { jpeg: 'jpg', png: 'png', webp: 'webp' };

function formatOf(options: Options, index: number): ImageFormat {
  if (!options.mixed) return 'jpeg';
  if (index % 15 === 6) return 'png';
  return index % 15 === 11 ? 'webp' : 'jpeg';
}

function nameOf(options: Options, random: Random, index: number): string {
  const file = `${String(index + 1).padStart(4, '0')}.${EXTENSIONS[formatOf(options, index)]}`;
  return options.cameras === 0 ? file : `camera-${random.integer(1, options.cameras)}/${file}`;
}

async function drawOne(options: Options, index: number): Promise<{ name: string; scene: Scene }> {
  const random = new Random(options.seed, index);
  const scene = drawScene(random, index);
  const bytes = await renderScene(random, scene, formatOf(options, index));
  const name = nameOf(options, random, index);
  const path = join(options.out, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  return { name, scene };
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === 'help') {
    process.stdout.write(HELP);
    return;
  }
  if (options === 'classes') {
    process.stdout.write(`${SCENE_CLASSES.map(({ label }) => label).join('\n')}\n`);
    return;
  }
  const rows = ['file,label,width,height,time_of_day'];
  for (let index = 0; index < options.count; index++) {
    const { name, scene } = await drawOne(options, index);
    const { label, width, height, timeOfDay } = scene;
    rows.push([name, label, width, height, timeOfDay].join(','));
  }
  if (options.broken) await writeBrokenFiles(options.out);
  if (options.labels !== undefined) await writeFile(options.labels, `${rows.join('\n')}\n`);
  process.stdout.write(`${options.count} pictures in ${options.out}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
