/** A files reader on a memory file system whose reads the test holds back, breaks and counts. */
import type { FileSplit } from '../../../shared/connectors/splits.ts';
import type { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { FileContent, ReadOptions } from '../../../shared/filesystem/filesystem.ts';
import { MemoryFileSystem, MemoryStore } from '../../../shared/filesystem/memory-filesystem.ts';
import { cancelled } from '../../../shared/filesystem/storage-errors.ts';
import { filesSourceSchema } from '../../../shared/pipeline/kinds/source-files.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import { FilesReader } from '../../../taskmanager/connectors/files-source/files-reader.ts';
import { OperatorMetrics } from '../../../taskmanager/operators/operator-metrics.ts';
import type {
  InputStatus,
  SourceReaderContext,
} from '../../../taskmanager/operators/source-reader.ts';
import { TaskMailbox } from '../../../taskmanager/task/task-mailbox.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

/** A local folder, as far as the reader can tell. */
export const ROOT = 'file:///reader/in';

export class ReaderBench {
  readonly clock = new FakeClock();
  readonly files = new HeldFileSystem(this.clock);
  readonly metrics = new OperatorMetrics();
  readonly records: StreamRecord[] = [];
  readonly rejected: { readonly record: StreamRecord; readonly error: SluiceError }[] = [];
  readonly failures: unknown[] = [];
  readonly requests: number[] = [];
  readonly mailbox = new TaskMailbox(() => {});
  readonly reader: FilesReader;
  /** How often the reader said that there is something to poll. */
  wakes = 0;

  constructor(options: Record<string, unknown> = {}) {
    this.reader = new FilesReader(filesSourceSchema.parse({ path: ROOT, ...options }));
    const context = {
      clock: this.clock,
      mailbox: this.mailbox,
      metrics: this.metrics,
      fileSystems: { forUri: () => this.files },
      requestSplits: (count: number) => this.requests.push(count),
      reject: (record: StreamRecord, error: SluiceError) => this.rejected.push({ record, error }),
      fail: (error: unknown) => this.failures.push(error),
    } as unknown as SourceReaderContext;
    this.reader.open(context, () => {
      this.wakes += 1;
    });
  }

  /** Writes a file and gives the split that a listing would make of it. */
  async file(name: string, content: string | Uint8Array = name): Promise<FileSplit> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const status = await this.files.put(`${ROOT}/${name}`, bytes);
    const { uri, etag, size, modifiedAtMs } = status;
    return { uri, etag, size, modifiedAtMs };
  }

  async filesNamed(names: readonly string[], content?: Uint8Array): Promise<FileSplit[]> {
    const splits: FileSplit[] = [];
    for (const name of names) splits.push(await this.file(name, content));
    return splits;
  }

  poll(): InputStatus {
    return this.reader.pollNext((record) => this.records.push(record));
  }

  /** Lets reads go on, runs the mails and polls until there is nothing more. */
  async turns(): Promise<InputStatus> {
    await settle();
    for (;;) {
      this.mailbox.drain();
      const status = this.poll();
      await settle();
      if (status !== 'more-available' && this.mailbox.isEmpty) return status;
    }
  }

  names(): string[] {
    return this.records.map((record) => nameOf(String(record.value['uri'])));
  }

  snapshot(): string[] {
    return this.reader.snapshotState().map((split) => nameOf(split.uri));
  }
}

function nameOf(uri: string): string {
  return uri.slice(uri.lastIndexOf('/') + 1);
}

class HeldFileSystem extends MemoryFileSystem {
  /** By name: what its next reads end with; then they succeed. */
  readonly errors = new Map<string, unknown[]>();
  readonly #held = new Map<string, () => void>();
  #isHolding = false;
  readonly started: string[] = [];

  constructor(clock: FakeClock) {
    super(new MemoryStore(), clock);
  }

  /** From now on reads wait for `release`. */
  hold(): void {
    this.#isHolding = true;
  }

  release(name: string): void {
    this.#held.get(name)?.();
    this.#held.delete(name);
  }

  override async read(uri: string, options: ReadOptions = {}): Promise<FileContent> {
    const name = nameOf(uri);
    this.started.push(name);
    if (this.#isHolding) {
      await new Promise<void>((resolve, reject) => {
        this.#held.set(name, resolve);
        options.signal?.addEventListener('abort', () => reject(cancelled(uri)));
      });
    }
    const error = this.errors.get(name)?.shift();
    if (error !== undefined) throw error;
    return super.read(uri, options);
  }
}
