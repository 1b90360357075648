import { SeenSet } from '../../jobmanager/sources/seen-set.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileStatus } from '../../shared/filesystem/filesystem.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { fileName, folderUri, joinUri } from '../../shared/filesystem/uri.ts';
import { StreamRecord } from '../../shared/record/stream-record.ts';
import {
  compileThumbnailKey,
  type ThumbnailKey,
} from '../../taskmanager/operators/thumbnails/thumbnail-key.ts';
import type {
  AuditedFilesSink,
  AuditedSink,
  AuditedThumbnailsSink,
  AuditPlan,
} from './audit-plan.ts';
import { type AuditReport, isExact, type Offence, SinkTally } from './audit-report.ts';
import { listedFiles } from './listed-files.ts';
import { ObjectTable } from './object-table.ts';
import { type PartRow, partRows } from './part-rows.ts';
import { SourceListing } from './source-listing.ts';

export interface AuditOptions {
  readonly plan: AuditPlan;
  readonly fileSystems: FileSystemRegistry;
  /** Offences that the report names; all are counted. */
  readonly offencesMax: number;
}

/** A part file of any sink: results and dead letters of all jobs that wrote there. */
const PART_FILE = /^(part|rejected)-(.+)-\d+-[A-Za-z0-9_.]+-\d+-\d+\.(?:jsonl|csv)$/;

/**
 * Counts what every object version left in every sink, from the storage alone: lists the sources
 * into a table of 8 bytes an object and one a sink, lists the thumbnails into another, streams all
 * part files over them, and lists the sources again to find what is missing or double.
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const run = new Audit(options);
  await run.listObjects();
  await run.listThumbnails();
  await run.readRows();
  await run.readDeadLetters();
  await run.compare();
  return run.report();
}

interface Thumbnails {
  readonly sink: AuditedThumbnailsSink;
  readonly tally: SinkTally;
  readonly column: number;
  readonly keyOf: ThumbnailKey;
  /** Their URIs; counted: the objects that claim each. */
  readonly table: ObjectTable;
}

class Audit {
  readonly #plan: AuditPlan;
  readonly #fileSystems: FileSystemRegistry;
  readonly #listing: SourceListing;
  readonly #offences: Offence[] = [];
  /** In the order of the plan's sinks, which are the columns of the table. */
  readonly #tallies: readonly SinkTally[];
  readonly #objects: ObjectTable;
  readonly #thumbnails: readonly Thumbnails[];
  #deadLetters = 0;

  constructor({ plan, fileSystems, offencesMax }: AuditOptions) {
    this.#plan = plan;
    this.#fileSystems = fileSystems;
    this.#listing = new SourceListing(plan.sources, fileSystems);
    const note = (offence: Offence): void => {
      if (this.#offences.length < offencesMax) this.#offences.push(offence);
    };
    this.#tallies = plan.sinks.map((sink) => new SinkTally(sink, note));
    this.#objects = new ObjectTable(plan.sinks.length);
    this.#thumbnails = this.#tallies.flatMap((tally, column) => {
      const { sink } = tally;
      if (sink.kind !== 'thumbnails' || sink.unchecked !== null) return [];
      const keyOf = compileThumbnailKey(sink.key);
      return [{ sink, tally, column, keyOf, table: new ObjectTable(1) }];
    });
  }

  async listObjects(): Promise<void> {
    await this.#listing.forEach(({ uri, etag }) => {
      this.#objects.add(this.#listing.identityOf(uri, etag));
    });
    this.#objects.seal();
  }

  async listThumbnails(): Promise<void> {
    for (const { sink, table, tally } of this.#thumbnails) {
      await this.#forEachThumbnail(sink, (uri) => table.add(uri));
      table.seal();
      tally.found = table.size;
    }
  }

  async readRows(): Promise<void> {
    for (const [column, tally] of this.#tallies.entries()) {
      const { sink } = tally;
      if (sink.kind === 'files' && sink.unchecked === null) {
        await this.#readRowsOf(sink, column, tally);
      }
    }
  }

  async readDeadLetters(): Promise<void> {
    for (const folder of this.#plan.deadLetters) {
      await this.#forEachFile(folder, async (file) => {
        if (PART_FILE.exec(fileName(file.uri))?.[1] !== 'rejected') return;
        for await (const rows of partRows(this.#fileSystems.forUri(file.uri), file, 'jsonl')) {
          for (const row of rows) this.#countDeadLetter(row);
        }
      });
    }
  }

  /** The second listing: names cost nothing here. What has come since the first one is left out. */
  async compare(): Promise<void> {
    await this.#listing.forEach((file, sources) => {
      const index = this.#objects.indexOf(this.#listing.identityOf(file.uri, file.etag));
      if (index < 0) return;
      for (const thumbnails of this.#thumbnails) {
        if (thumbnails.sink.keyFrom === 'listing') this.#claim(thumbnails, file, index, {});
      }
      for (const [column, { sink }] of this.#tallies.entries()) {
        if (sink.unchecked === null) this.#compareOne(file, index, column, sources);
      }
    });
    for (const { sink, table, tally } of this.#thumbnails) {
      // A key that the object alone decides has no second place that it could lie at.
      if (sink.keyFrom === 'listing') {
        tally.unlisted = unclaimed(table);
      } else if (unclaimed(table) > 0) {
        await this.#forEachThumbnail(sink, (uri) => {
          const index = table.indexOf(uri);
          if (index >= 0 && table.count(index, 0) === 0) tally.offend('unaccounted', uri, 1);
        });
      }
    }
  }

  report(): AuditReport {
    const sinks = this.#tallies.map((tally) => tally.report());
    return {
      exact: isExact(sinks),
      objects: this.#objects.size,
      deadLetters: this.#deadLetters,
      sinks,
      offences: this.#offences,
    };
  }

  async #readRowsOf(sink: AuditedFilesSink, column: number, tally: SinkTally): Promise<void> {
    const rendering = this.#thumbnails.filter(
      ({ sink: { keyFrom } }) => keyFrom !== 'listing' && keyFrom.rowsOf === sink.id,
    );
    const unlisted = new SeenSet();
    await this.#forEachFile(sink.uri, async (file) => {
      if (!isPartOf(sink, file.uri)) return;
      for await (const rows of partRows(this.#fileSystems.forUri(file.uri), file, sink.format)) {
        tally.found += rows.length;
        for (const row of rows) {
          const object = objectOf(row);
          if (object === null) {
            tally.offend('unreadable', file.uri, 1);
            continue;
          }
          const name = this.#listing.identityOf(object.uri, object.etag);
          const index = this.#objects.indexOf(name);
          const isFirst =
            index >= 0 ? this.#objects.count(index, column) === 0 : unlisted.add(name);
          // A second row of an object stands for no second thumbnail.
          if (isFirst) {
            for (const thumbnails of rendering) this.#claim(thumbnails, object, index, row ?? {});
          }
          if (index >= 0) this.#objects.increment(index, column);
          else if (isFirst) tally.unlisted += 1;
          else tally.offend('double', object.uri, 2);
        }
      }
    });
  }

  #countDeadLetter(row: PartRow): void {
    this.#deadLetters += 1;
    const object = objectOf(row);
    const node = row?.['node'];
    if (object === null || typeof node !== 'string') return;
    const index = this.#objects.indexOf(this.#listing.identityOf(object.uri, object.etag));
    if (index < 0) return;
    for (const [column, { sink }] of this.#tallies.entries()) {
      if (sink.way.has(node)) this.#objects.increment(index, column);
    }
  }

  /** Looks for the thumbnail of an object; `index` is -1 where the source lists no such object. */
  #claim(
    { sink, table, tally, column, keyOf }: Thumbnails,
    object: { readonly uri: string; readonly etag: string },
    index: number,
    row: Readonly<Record<string, unknown>>,
  ): void {
    const source = { uri: object.uri, etag: object.etag };
    const key = renderedKey(keyOf, new StreamRecord(row, 0, 0, source, null, null));
    const at = key === null ? -1 : table.indexOf(joinUri(sink.uri, key));
    if (at < 0) return;
    if (table.increment(at, 0) > 1) tally.offend('shared', object.uri, table.count(at, 0));
    if (index >= 0) this.#objects.increment(index, column);
  }

  #compareOne(file: FileStatus, index: number, column: number, sources: readonly string[]): void {
    const tally = this.#tallies[column];
    if (tally === undefined) return;
    let min = 0;
    let max = 0;
    for (const source of sources) {
      const expected = tally.sink.expected.get(source);
      min += expected?.min ?? 0;
      max += expected?.max ?? 0;
    }
    const count = this.#objects.count(index, column);
    if (count < min) tally.offend('missing', file.uri, count);
    else if (count > max) tally.offend('double', file.uri, count);
  }

  /** Part files and what lies in another sink's folder are no thumbnails. */
  async #forEachThumbnail(
    sink: AuditedThumbnailsSink,
    visit: (uri: string) => void,
  ): Promise<void> {
    const folder = folderUri(sink.uri);
    const others = [...this.#plan.sinks.map(({ uri }) => uri), ...this.#plan.deadLetters]
      .map(folderUri)
      .filter((other) => other !== folder && other.startsWith(folder));
    await this.#forEachFile(sink.uri, async ({ uri }) => {
      const isOther = others.some((other) => uri.startsWith(other));
      if (!isOther && !PART_FILE.test(fileName(uri))) visit(uri);
    });
  }

  async #forEachFile(folder: string, visit: (file: FileStatus) => Promise<void>): Promise<void> {
    for await (const files of listedFiles(this.#fileSystems.forUri(folder), folder)) {
      for (const file of files) await visit(file);
    }
  }
}

function isPartOf(sink: AuditedSink, uri: string): boolean {
  const [, prefix, operator] = PART_FILE.exec(fileName(uri)) ?? [];
  return prefix === 'part' && operator === sink.id;
}

function objectOf(row: PartRow): { readonly uri: string; readonly etag: string } | null {
  const uri = row?.['uri'];
  const etag = row?.['etag'];
  return typeof uri === 'string' && typeof etag === 'string' ? { uri, etag } : null;
}

/** Null where the row lacks a field of the key. */
function renderedKey(keyOf: ThumbnailKey, record: StreamRecord): string | null {
  try {
    return keyOf(record);
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'RECORD_INVALID') return null;
    throw error;
  }
}

function unclaimed(table: ObjectTable): number {
  let count = 0;
  for (let index = 0; index < table.size; index += 1) {
    if (table.count(index, 0) === 0) count += 1;
  }
  return count;
}
