import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A line of the results, as users read it. */
export interface ResultRow {
  readonly uri: string;
  readonly etag: string;
  readonly bytes: number;
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly label: string | null;
  readonly index: number;
  readonly score: number;
  readonly topK: readonly {
    readonly label: string | null;
    readonly index: number;
    readonly score: number;
  }[];
  readonly model: { readonly name: string; readonly version: string };
  readonly eventTime: string;
  readonly processedAt: string;
}

export interface DeadLetterRow {
  readonly uri: string;
  readonly etag: string;
  readonly node: string;
  readonly stage: string;
  readonly code: string;
  readonly message: string;
  readonly at: string;
}

/** Every JSON line of the visible part files below a folder; none where there is no folder. */
export function readRows<Row>(folder: string): Row[] {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.jsonl') && !name.split('/').some((part) => part[0] === '.'))
    .toSorted()
    .flatMap((name) => rowsIn<Row>(readFileSync(join(folder, name), 'utf8')));
}

/** The JSON lines of one part file. */
export function rowsIn<Row>(text: string): Row[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Row);
}

export function baseName(uri: string): string {
  return uri.slice(uri.lastIndexOf('/') + 1);
}
