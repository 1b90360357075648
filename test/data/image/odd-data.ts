import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATA } from '../../support/test-data.ts';

export interface OddFile {
  readonly file: string;
  readonly expected: 'decode' | 'reject';
}

export function oddFiles(): readonly OddFile[] {
  const [, ...lines] = readFileSync(join(DATA, 'odd', 'expected.csv'), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => {
    const [file = '', expected = ''] = line.split(',');
    if (expected !== 'decode' && expected !== 'reject') throw new Error(`what is ${line}?`);
    return { file, expected };
  });
}

export function readOdd(file: string): Uint8Array {
  return readFileSync(join(DATA, 'odd', file));
}
