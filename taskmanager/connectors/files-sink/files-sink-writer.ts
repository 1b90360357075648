/**
 * The writing half of `sink: files`. Rows are gathered into chunks, chunks go to an invisible part
 * file, and a part file takes no more rows ("sealed") when it is large or old enough, at a barrier,
 * or when the input ends:
 *
 *   write ─► rows of the newest part ─► pump: one storage call at a time ─► closed, pending file
 *            (bounded: isReady)          (oldest part first)                └► prepareCommit
 *
 * A pre-commit of `all` seals the newest part before it returns, so the rows that follow are in other
 * files than the rows in front; an open part file could not be continued by another attempt.
 *
 * Runs in the slot's thread. `write`, `isReady` and the age timer run in the task's loop; the pump
 * goes on between its turns, when storage has answered, so the two never see half a change.
 */
import { invariant } from '../../../shared/errors/invariant.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { PendingFile, RecoverableWriter } from '../../../shared/filesystem/filesystem.ts';
import { joinUri } from '../../../shared/filesystem/uri.ts';
import type { RollOptions } from '../../../shared/pipeline/kinds/sink-files.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorContext } from '../../operators/operator-context.ts';
import type { PreCommit, SinkWriter } from '../../operators/sink-writer.ts';
import { probeFolder } from '../probe-folder.ts';
import { PartFile } from './part-file.ts';
import { partFileName } from './part-file-name.ts';
import { type RowOptions, resultRow } from './result-row.ts';
import { createRowEncoder, type RowEncoder } from './row-encoder.ts';

export interface FilesSinkWriterOptions extends RowOptions {
  /** URI of the folder. */
  readonly path: string;
  readonly format: 'jsonl' | 'csv';
  readonly roll: RollOptions;
  /** `part` or `rejected`. */
  readonly prefix: string;
}

interface WaitingPreCommit {
  readonly parts: readonly PartFile[];
  readonly resolve: (files: readonly PendingFile[]) => void;
  readonly reject: (error: unknown) => void;
}

const CHUNK_BYTES = 64 * 1024;
/** Smaller part files wait for their commit inside the checkpoint, which saves most of their requests. */
const HELD_BYTES_MAX = 64 * 1024;
/** Accepted but not yet with storage; the task stops reading beyond it. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

export class FilesSinkWriter implements SinkWriter<PendingFile> {
  readonly #options: FilesSinkWriterOptions;
  readonly #encoder: RowEncoder;
  #context: OperatorContext | null = null;
  #notifyCommittable: () => void = () => {};
  #notifyReady: () => void = () => {};
  /** Not closed yet, oldest first; only the last one may be unsealed. */
  readonly #parts: PartFile[] = [];
  #partCounter = 0;
  /** In no pre-commit yet, closed or not, oldest first. */
  #unclaimed: PartFile[] = [];
  /** Pre-commits that wait for their parts, oldest first. */
  readonly #preCommits: WaitingPreCommit[] = [];
  #waitingBytes = 0;
  /** The storage call under way; never rejects. */
  #pumping: Promise<void> | null = null;
  #isClosed = false;
  #failure: unknown = null;

  constructor(options: FilesSinkWriterOptions) {
    this.#options = options;
    this.#encoder = createRowEncoder(options.format, options.fields);
  }

  async open(context: OperatorContext, onCommittable: () => void): Promise<void> {
    this.#context = context;
    this.#notifyCommittable = onCommittable;
    await probeFolder(context.fileSystems, this.#options.path);
  }

  onReady(callback: () => void): void {
    this.#notifyReady = callback;
  }

  isReady(): boolean {
    return this.#waitingBytes < WAITING_BYTES_MAX && this.#failure === null;
  }

  write(record: StreamRecord): void {
    const row = resultRow(record, this.#options, this.#opened().clock.nowMs());
    const text = this.#encoder.encode(row);
    const part = this.#openPart();
    this.#append(part, text);
    if (part.bytes >= this.#options.roll.size) this.#seal(part);
    if (part.isSealed || part.waitingBytes >= CHUNK_BYTES) this.#pump();
  }

  prepareCommit(preCommit: PreCommit): Promise<readonly PendingFile[]> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (preCommit === 'all') this.#sealNewest();
    const isClaimed = (part: PartFile): boolean => preCommit === 'all' || part.pending !== null;
    const parts = this.#unclaimed.filter(isClaimed);
    this.#unclaimed = this.#unclaimed.filter((part) => !isClaimed(part));
    return new Promise((resolve, reject) => {
      this.#preCommits.push({ parts, resolve, reject });
      this.#settlePreCommits();
      this.#pump();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const part of this.#parts) part.cancelAgeTimer();
    for (const { reject } of this.#preCommits) reject(closedError(this.#opened().operatorId));
    await this.#pumping;
    // Parts of a pre-commit that was not done were promised to nobody.
    const unpromised = new Set([
      ...this.#parts,
      ...this.#unclaimed,
      ...this.#preCommits.flatMap(({ parts }) => parts),
    ]);
    await Promise.allSettled([...unpromised].map((part) => this.#discard(part)));
    this.#parts.length = 0;
    this.#preCommits.length = 0;
    this.#unclaimed = [];
  }

  #openPart(): PartFile {
    const newest = this.#parts.at(-1);
    if (newest !== undefined && !newest.isSealed) return newest;
    const part = new PartFile();
    this.#parts.push(part);
    this.#unclaimed.push(part);
    this.#append(part, this.#encoder.header());
    part.cancelAgeTimer = this.#opened().setTimer(this.#options.roll.age, () => {
      this.#seal(part);
      this.#pump();
    });
    return part;
  }

  #append(part: PartFile, text: string): void {
    const bytes = part.append(text);
    this.#waitingBytes += bytes;
    this.#opened().metrics.bytesOut += bytes;
  }

  #sealNewest(): void {
    const newest = this.#parts.at(-1);
    if (newest !== undefined) this.#seal(newest);
  }

  #seal(part: PartFile): void {
    part.isSealed = true;
    part.cancelAgeTimer();
  }

  /** Whether the oldest part has something to write, or to close. */
  #hasWork(): boolean {
    const part = this.#parts[0];
    if (part === undefined) return false;
    return part.isSealed || part.waitingBytes >= CHUNK_BYTES;
  }

  /** Starts the next storage call unless one is under way; goes on until there is nothing to do. */
  #pump(): void {
    if (this.#pumping !== null || this.#isClosed || this.#failure !== null) return;
    if (!this.#hasWork()) return;
    this.#pumping = this.#step().then(() => {
      this.#pumping = null;
      this.#pump();
    });
  }

  async #step(): Promise<void> {
    const part = this.#parts[0];
    invariant(part !== undefined, 'work belongs to a part');
    try {
      if (part.waitingBytes > 0) await this.#writeChunk(part);
      else await this.#finish(part);
    } catch (error) {
      this.#fail(error, part);
    }
  }

  async #writeChunk(part: PartFile): Promise<void> {
    const writer = part.writer ?? (await this.#createFile());
    part.writer = writer;
    const chunk = part.takeChunk(CHUNK_BYTES);
    await writer.write(chunk);
    const wasReady = this.isReady();
    this.#waitingBytes -= chunk.length;
    if (!wasReady && this.isReady()) this.#notifyReady();
  }

  async #finish(part: PartFile): Promise<void> {
    invariant(part.writer !== null, 'a sealed part has at least one row');
    part.pending = await part.writer.closeForCommit();
    this.#parts.shift();
    this.#settlePreCommits();
    if (this.#unclaimed.includes(part)) this.#notifyCommittable();
  }

  /** Those whose parts are all closed, in order. */
  #settlePreCommits(): void {
    for (let first = this.#preCommits[0]; first !== undefined; first = this.#preCommits[0]) {
      const files = first.parts.flatMap(({ pending }) => (pending === null ? [] : [pending]));
      if (files.length < first.parts.length) return;
      this.#preCommits.shift();
      first.resolve(files);
    }
  }

  async #discard({ pending, writer }: PartFile): Promise<void> {
    if (pending !== null) await this.#fileSystem().abort(pending);
    else await writer?.abort();
  }

  /** Passes over names that are taken, so that no run ever replaces the results of another. */
  async #createFile(): Promise<RecoverableWriter> {
    const { operatorId, subtaskIndex, jobId, attempt } = this.#opened();
    const { prefix, path } = this.#options;
    const { extension, contentType } = this.#encoder;
    const owner = { prefix, operatorId, subtaskIndex, jobId, attempt, extension };
    for (;;) {
      const uri = joinUri(path, partFileName(owner, this.#partCounter));
      this.#partCounter += 1;
      if ((await this.#fileSystem().stat(uri)) !== null) continue;
      return this.#fileSystem().openWriter(uri, { contentType, heldBytesMax: HELD_BYTES_MAX });
    }
  }

  #fail(error: unknown, part: PartFile): void {
    const uri = part.writer?.uri ?? this.#options.path;
    const reason = error instanceof Error ? error.message : String(error);
    this.#failure = new SluiceError(
      error instanceof SluiceError ? error.code : 'STORAGE_UNAVAILABLE',
      `The results cannot be written to ${uri}: ${reason}`,
      {
        domain: error instanceof SluiceError ? error.domain : 'external',
        retry: error instanceof SluiceError ? error.retry : 'restart-job',
        context: { uri, node: this.#opened().operatorId },
        ...(error instanceof SluiceError && error.hint !== undefined ? { hint: error.hint } : {}),
        cause: error,
      },
    );
    for (const { reject } of this.#preCommits) reject(this.#failure);
    this.#opened().fail(this.#failure);
  }

  #fileSystem() {
    return this.#opened().fileSystems.forUri(this.#options.path);
  }

  #opened(): OperatorContext {
    invariant(this.#context !== null, 'open comes first');
    return this.#context;
  }
}

function closedError(operatorId: string): SluiceError {
  return new SluiceError('CANCELLED', 'the sink was closed before its results were stored', {
    domain: 'internal',
    context: { node: operatorId },
  });
}
