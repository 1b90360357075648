import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { fileName, joinUri, relativePath } from '../../shared/filesystem/uri.ts';
import { StreamRecord } from '../../shared/record/stream-record.ts';
import { compileThumbnailKey } from '../../taskmanager/operators/thumbnails/thumbnail-key.ts';
import type { ContactSheetCard } from './contact-sheet.ts';
import type { RunOutputs, ThumbnailOutput } from './run-outputs.ts';

/** Cards on one page; a page with more of them is slow to open. */
const CARDS_MAX = 1000;
const REJECTS_MAX = 200;
const PART_BYTES_MAX = 64 * 1024 ** 2;
const THUMBNAIL_BYTES_MAX = 256 * 1024;
const READS_AT_ONCE = 16;

interface ResultRow {
  readonly uri?: string;
  readonly etag?: string;
  readonly label?: string | null;
  readonly index?: number;
  readonly score?: number;
  readonly topK?: readonly { label: string | null; index: number; score: number }[];
  readonly node?: string;
  readonly code?: string;
  readonly message?: string;
}

export interface CollectedRun {
  readonly cards: readonly ContactSheetCard[];
  readonly rejects: readonly { readonly name: string; readonly message: string }[];
}

/** Reads back what one job wrote: its rows (the part files carry the job's id), its thumbnails. */
export async function collectRun(
  jobId: string,
  outputs: RunOutputs,
  fileSystems: FileSystemRegistry,
): Promise<CollectedRun> {
  const roots = outputs.thumbnails?.sourceRoots ?? [];
  const rows = await rowsOfFullestSink(jobId, outputs, fileSystems);
  const cards: ContactSheetCard[] = [];
  for (let from = 0; from < rows.length; from += READS_AT_ONCE) {
    const group = rows.slice(from, from + READS_AT_ONCE);
    cards.push(
      ...(await Promise.all(
        group.map(async (row) => cardOf(row, roots, await thumbnail(row, outputs, fileSystems))),
      )),
    );
  }
  const { deadLetters } = outputs;
  const dead =
    deadLetters === null ? [] : await jobRows(jobId, deadLetters, fileSystems, REJECTS_MAX);
  const rejects = dead.map((row) => ({
    name: shortName(row.uri ?? '', roots),
    message: `${row.code}: ${row.message}`,
  }));
  return { cards, rejects };
}

/** Of several `files` sinks the one with most rows tells about most images. */
async function rowsOfFullestSink(
  jobId: string,
  outputs: RunOutputs,
  fileSystems: FileSystemRegistry,
): Promise<ResultRow[]> {
  let fullest: ResultRow[] = [];
  for (const { uri } of outputs.results) {
    const rows = await jobRows(jobId, uri, fileSystems, CARDS_MAX);
    if (rows.length > fullest.length) fullest = rows;
  }
  return fullest
    .filter((row) => row.uri !== undefined && row.score !== undefined)
    .sort((a, b) => ((a.uri ?? '') < (b.uri ?? '') ? -1 : 1));
}

async function jobRows(
  jobId: string,
  folder: string,
  fileSystems: FileSystemRegistry,
  rowsMax: number,
): Promise<ResultRow[]> {
  const fileSystem = fileSystems.forUri(folder);
  const rows: ResultRow[] = [];
  let startAfter: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof fileSystem.list>> = await fileSystem.list(folder, {
      ...(startAfter === null ? {} : { startAfter }),
    });
    for (const { uri } of page.files) {
      const isOfJob = uri.endsWith('.jsonl') && fileName(uri).includes(`-${jobId}-`);
      if (!isOfJob || rows.length >= rowsMax) continue;
      const { bytes } = await fileSystem.read(uri, { sizeMax: PART_BYTES_MAX });
      const lines = Buffer.from(bytes).toString('utf8').split('\n');
      rows.push(...lines.filter((line) => line !== '').map((line) => JSON.parse(line)));
    }
    startAfter = page.next;
  } while (startAfter !== null && rows.length < rowsMax);
  return rows.slice(0, rowsMax);
}

async function thumbnail(
  row: ResultRow,
  outputs: RunOutputs,
  fileSystems: FileSystemRegistry,
): Promise<string | null> {
  const output = outputs.thumbnails;
  if (output === null) return null;
  const uri = joinUri(output.uri, thumbnailKey(row, output));
  try {
    const { bytes } = await fileSystems.forUri(uri).read(uri, { sizeMax: THUMBNAIL_BYTES_MAX });
    return `data:image/${output.format};base64,${Buffer.from(bytes).toString('base64')}`;
  } catch {
    return null; // not every image passes the filter in front of the thumbnails
  }
}

function thumbnailKey(row: ResultRow, output: ThumbnailOutput): string {
  const source = { uri: row.uri ?? '', etag: row.etag ?? '' };
  const record = new StreamRecord({ ...row }, 0, 0, source, null, null);
  const { key: template, format, sourceRoots } = output;
  return compileThumbnailKey({ template, format, sourceRoots })(record);
}

function cardOf(row: ResultRow, roots: readonly string[], image: string | null): ContactSheetCard {
  const labelOf = (entry: { label?: string | null; index?: number }): string =>
    entry.label ?? `class ${entry.index}`;
  return {
    name: shortName(row.uri ?? '', roots),
    label: labelOf(row),
    score: row.score ?? 0,
    others: (row.topK ?? []).slice(1, 3).map((entry) => ({
      label: labelOf(entry),
      score: entry.score,
    })),
    thumbnail: image,
  };
}

function shortName(uri: string, roots: readonly string[]): string {
  for (const root of roots) {
    const path = relativePath(root, uri);
    if (path !== null && path !== '') return path;
  }
  return fileName(uri);
}
