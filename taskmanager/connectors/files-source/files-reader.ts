import type { FileSplit } from '../../../shared/connectors/splits.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { FileContent } from '../../../shared/filesystem/filesystem.ts';
import type { FilesSourceOptions } from '../../../shared/pipeline/kinds/source-files.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import { pause } from '../../../shared/time/pause.ts';
import type {
  InputStatus,
  SourceReader,
  SourceReaderContext,
} from '../../operators/source-reader.ts';

/** Bytes that a reader holds at most (one file may be longer). */
const HELD_BYTES_MAX = 64 * 1024 ** 2;
/** Emitted in one poll: the task looks at its mailbox in between. */
const EMIT_MAX = 4;
/** After the file system's own retries; the pauses double from the first one. */
const READ_ATTEMPTS_MAX = 5;
const READ_PAUSE_MS = 500;

/**
 * Reads the files that the enumerator assigns, several at a time, and emits a record
 * `{ uri, etag, bytes }` with the content for each, in the order in which the reads complete. What
 * cannot be read because of the file itself (too long, deleted meanwhile, unreadable) is
 * rejected; what cannot be read because of the storage fails the task after some attempts. In the
 * slot's thread: reads end as mails, so a split is read, ready or gone, and a snapshot has each once.
 */
export class FilesReader implements SourceReader<FileSplit> {
  readonly #options: FilesSourceOptions;
  readonly #abort = new AbortController();
  #context: SourceReaderContext | null = null;
  #onAvailable: () => void = () => {};
  #queued: FileSplit[] = [];
  readonly #reading = new Set<FileSplit>();
  #ready: { readonly split: FileSplit; readonly record: StreamRecord }[] = [];
  /** Of the files that are read (as listed) and of those that are ready. */
  #heldBytes = 0;
  #requested = 0;
  #isLast = false;

  constructor(options: FilesSourceOptions) {
    this.#options = options;
  }

  open(
    context: SourceReaderContext,
    onAvailable: () => void,
    restored: readonly FileSplit[] = [],
  ): void {
    this.#context = context;
    this.#onAvailable = onAvailable;
    this.#queued.push(...restored);
    this.#startReads();
    this.#requestMore();
  }

  addSplits(splits: readonly FileSplit[]): void {
    this.#requested = Math.max(0, this.#requested - splits.length);
    this.#queued.push(...splits);
    this.#startReads();
  }

  noMoreSplits(): void {
    this.#isLast = true;
    this.#onAvailable();
  }

  pollNext(collect: (record: StreamRecord) => void): InputStatus {
    for (const { record } of this.#ready.splice(0, EMIT_MAX)) {
      this.#heldBytes -= record.bytes?.length ?? 0;
      collect(record);
    }
    this.#startReads();
    this.#requestMore();
    if (this.#ready.length > 0) return 'more-available';
    const isDone = this.#isLast && this.#queued.length === 0 && this.#reading.size === 0;
    return isDone ? 'end-of-input' : 'nothing-available';
  }

  snapshotState(): readonly FileSplit[] {
    const ready = this.#ready.map(({ split }) => split);
    return [...ready, ...this.#reading, ...this.#queued];
  }

  close(): void {
    this.#abort.abort();
    this.#queued = [];
    this.#ready = [];
  }

  get #held(): number {
    return this.#queued.length + this.#reading.size + this.#ready.length;
  }

  #requestMore(): void {
    const wanted = this.#options.readAhead - this.#held - this.#requested;
    // In halves, so that requests are few and the readers never run dry.
    if (this.#isLast || wanted < Math.ceil(this.#options.readAhead / 2)) return;
    this.#requested += wanted;
    this.#context?.requestSplits(wanted);
  }

  #startReads(): void {
    while (!this.#abort.signal.aborted) {
      const [next] = this.#queued;
      if (next === undefined) return;
      const isFull = this.#heldBytes + this.#reserved(next) > HELD_BYTES_MAX;
      if (isFull && this.#reading.size + this.#ready.length > 0) return;
      this.#queued.shift();
      this.#reading.add(next);
      this.#heldBytes += this.#reserved(next);
      this.#read(next).catch((error: unknown) => this.#requireContext().fail(error));
    }
  }

  /** A file that is too long is not read to its end. */
  #reserved(split: FileSplit): number {
    return Math.min(split.size, this.#options.bytesMax);
  }

  async #read(split: FileSplit): Promise<void> {
    const { clock, mailbox } = this.#requireContext();
    const ingestedAtMs = clock.nowMs();
    const startedAtMs = clock.monotonicMs();
    const outcome = await this.#readWithRetries(split);
    const durationMs = clock.monotonicMs() - startedAtMs;
    mailbox.execute(() => this.#onRead(split, outcome, { ingestedAtMs, durationMs }));
  }

  #onRead(
    split: FileSplit,
    outcome: FileContent | SluiceError | null,
    times: { readonly ingestedAtMs: number; readonly durationMs: number },
  ): void {
    if (this.#abort.signal.aborted) return;
    const context = this.#requireContext();
    this.#reading.delete(split);
    this.#heldBytes -= this.#reserved(split);
    if (outcome instanceof SluiceError) {
      context.reject(rejectedRecord(split, times.ingestedAtMs), outcome);
    } else if (outcome !== null) {
      this.#heldBytes += outcome.bytes.length;
      this.#ready.push({ split, record: recordOf(outcome, times.ingestedAtMs) });
      context.metrics.bytesIn += outcome.bytes.length;
      context.metrics.stageLatency.record(times.durationMs);
    }
    this.#startReads();
    this.#onAvailable();
  }

  /** The content; an error that concerns this file only; or null: a newer version follows. */
  async #readWithRetries(split: FileSplit): Promise<FileContent | SluiceError | null> {
    const context = this.#requireContext();
    const supersedes = this.#options.watch !== undefined && this.#options.overwrites === 'process';
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await context.fileSystems.forUri(split.uri).read(split.uri, {
          signal: this.#abort.signal,
          sizeMax: this.#options.bytesMax,
          // Where every version counts, another version than the one discovered is another split.
          ...(supersedes ? { ifMatch: split.etag } : {}),
        });
      } catch (error) {
        if (this.#abort.signal.aborted) return null;
        if (!(error instanceof SluiceError)) throw error;
        if (concernsOneFile(error, split)) return error;
        const isChanged = error.code === 'OBJECT_CHANGED';
        if (isChanged && supersedes) return null;
        if (isChanged && attempt >= READ_ATTEMPTS_MAX) return error;
        const isWorthAnother = isChanged || error.retry === 'backoff';
        if (!isWorthAnother || attempt >= READ_ATTEMPTS_MAX) throw error;
        await pause(context.clock, READ_PAUSE_MS * 2 ** (attempt - 1), this.#abort.signal);
        if (this.#abort.signal.aborted) return null;
      }
    }
  }

  #requireContext(): SourceReaderContext {
    if (this.#context === null) throw new Error('the reader is not open');
    return this.#context;
  }
}

/** The rights to local files are given one by one; a bucket's hold for all of its objects. */
function concernsOneFile(error: SluiceError, split: FileSplit): boolean {
  switch (error.code) {
    case 'OBJECT_TOO_LARGE':
    case 'STORAGE_NOT_FOUND':
      return true;
    case 'STORAGE_DENIED':
      return split.uri.startsWith('file:');
    default:
      return false;
  }
}

function rejectedRecord({ uri, etag, size, modifiedAtMs }: FileSplit, ingestedAtMs: number) {
  const value = { uri, etag, bytes: size };
  return new StreamRecord(value, modifiedAtMs, ingestedAtMs, { uri, etag }, null, null);
}

function recordOf(content: FileContent, ingestedAtMs: number): StreamRecord {
  const { uri, etag, size, modifiedAtMs } = content.status;
  const value = { uri, etag, bytes: size };
  return new StreamRecord(value, modifiedAtMs, ingestedAtMs, { uri, etag }, content.bytes, null);
}
