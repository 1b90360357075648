import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { commitPassing, killPoint } from '../../../shared/faults/kill-point.ts';
import type { Barrier, StreamEvent } from '../../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { CancelTimer } from '../../../shared/time/clock.ts';
import type { OperatorContext } from '../operator-context.ts';
import type { OperatorMetrics } from '../operator-metrics.ts';
import type { PreCommit, Sink } from '../sink-writer.ts';
import type { ChainedOperator } from './chained-operator.ts';
import type {
  BarrierObserver,
  ListSnapshot,
  MemberSnapshot,
  MemberState,
  RestoredState,
} from './member-snapshot.ts';

/** A storage that has answered nothing for so long does not hold up a checkpoint any longer. */
const SILENCE_MAX_MS = 10_000;
const SILENCE_LOOK_MS = 1_000;

/** What one barrier cut off and no completed checkpoint has made visible yet. */
interface PendingCommit {
  readonly checkpointId: number;
  /** Empty until the pre-commit is done. */
  committables: readonly unknown[];
  /** Resolves when it is; rejects where it failed. */
  preCommitted: Promise<void>;
}

/**
 * An entry of the state `committables`. Every subtask gets all of them (`union`): each commits its
 * own, and those of subtasks that there are no more, and lets nobody's be taken for an orphan.
 */
interface CommittableEntry {
  readonly subtask: number;
  readonly committable: unknown;
}

/**
 * A sink in its chain. With checkpoints it is the two-phase commit: at a barrier the writer
 * pre-commits, the committables are state, and the checkpoint's completion commits them. Those of a
 * checkpoint that is aborted stay pending and belong to the next one. Without checkpoints what the
 * writer calls finished is committed at once, and the rest when the input ends.
 *
 * There is one commit at a time.
 */
export class SinkOperator implements ChainedOperator {
  readonly id: string;
  readonly metrics: OperatorMetrics;
  readonly #sink: Sink<unknown>;
  readonly #context: OperatorContext;
  readonly #barriers: BarrierObserver;
  readonly #isCheckpointed: boolean;
  readonly #wake: () => void;
  /** Oldest first. */
  #pending: PendingCommit[] = [];
  /** Checkpoints that may have this sink's state and have neither completed nor been aborted. */
  readonly #undecided = new Set<number>();
  #completedId = Number.NEGATIVE_INFINITY;
  /** The commit under way, or the last one; never rejects. */
  #committing: Promise<void> = Promise.resolve();
  /** Without checkpoints: one more commit is to follow the one under way. */
  #isCommitWanted = false;
  #isClosed = false;

  constructor(options: {
    readonly sink: Sink<unknown>;
    readonly context: OperatorContext;
    readonly barriers: BarrierObserver;
    readonly isCheckpointed: boolean;
    readonly wake: () => void;
  }) {
    this.id = options.context.operatorId;
    this.metrics = options.context.metrics;
    this.#sink = options.sink;
    this.#context = options.context;
    this.#barriers = options.barriers;
    this.#isCheckpointed = options.isCheckpointed;
    this.#wake = options.wake;
  }

  async open(restored: RestoredState | null): Promise<void> {
    const { writer } = this.#sink;
    await writer.open(this.#context, () => this.#commitSoon());
    writer.onReady(this.#wake);
    const entries = restored?.lists['writer'] ?? [];
    if (entries.length > 0) await writer.restoreState?.(entries);
    await this.#recover(restored);
  }

  isReady(): boolean {
    return this.#sink.writer.isReady();
  }

  processElement(record: StreamRecord): void {
    this.metrics.recordsIn += 1;
    try {
      this.#sink.writer.write(record);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      this.#context.reject(record, error);
      return;
    }
    const nowMs = this.#context.clock.nowMs();
    this.metrics.recordsOut += 1;
    this.metrics.recordWritten(nowMs);
    this.metrics.endToEndLatency.record(nowMs - record.ingestedAtMs);
  }

  /** Nothing follows a sink. */
  processEvent(event: StreamEvent): void {
    if (event.kind !== 'barrier') return;
    this.#barriers.pass(this.id, event, () => this.#snapshot(event));
  }

  async finish(): Promise<void> {
    // With checkpoints the final one takes the rest.
    if (this.#isCheckpointed) return;
    // In line with the commits that the writer asked for: two at a time would commit a part twice.
    const last = this.#committing.then(() => this.#commitAsItGoes('all'));
    this.#committing = last.catch(() => {});
    await last;
  }

  /** Whether `checkpointComplete` has something to make visible. */
  isCommitDue(checkpointId: number): boolean {
    return this.#pending.some((commit) => isDue(commit, checkpointId));
  }

  checkpointComplete(checkpointId: number): Promise<void> {
    this.#completedId = Math.max(this.#completedId, checkpointId);
    for (const id of this.#undecided) if (id <= checkpointId) this.#undecided.delete(id);
    this.#committing = this.#committing.then(() => this.#commitThrough(checkpointId));
    return this.#committing;
  }

  checkpointAborted(checkpointId: number): void {
    this.#undecided.delete(checkpointId);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#sink.writer.close();
    await this.#abortUnreferenced();
  }

  #snapshot({ checkpointId }: Barrier): MemberSnapshot {
    const { writer } = this.#sink;
    killPoint('before-pre-commit');
    const commit: PendingCommit = {
      checkpointId,
      committables: [],
      preCommitted: Promise.resolve(),
    };
    commit.preCommitted = writer.prepareCommit('all').then((committables) => {
      commit.committables = committables;
      if (committables.length === 0) this.#forget([commit]);
    });
    commit.preCommitted.catch((error: unknown) => {
      if (!this.#isClosed) this.#context.fail(error);
    });
    this.#pending.push(commit);
    const entries = writer.snapshotState?.(checkpointId) ?? [];
    const lists: Record<string, ListSnapshot> =
      entries.length > 0 ? { writer: { mode: 'split', entries } } : {};
    return { state: { lists, keyed: {} }, deferred: this.#preCommitted(checkpointId) };
  }

  /** What is pending by now, earlier checkpoints' included: as state, once all of it is durable. */
  async #preCommitted(checkpointId: number): Promise<MemberState> {
    const pending = [...this.#pending];
    await this.#whileStorageAnswers(Promise.all(pending.map(({ preCommitted }) => preCommitted)));
    killPoint('after-pre-commit');
    const { subtaskIndex: subtask } = this.#context;
    const entries: CommittableEntry[] = pending.flatMap(({ committables }) =>
      committables.map((committable) => ({ subtask, committable })),
    );
    if (entries.length === 0) return { lists: {}, keyed: {} };
    this.#undecided.add(checkpointId);
    return { lists: { committables: { mode: 'union', entries } }, keyed: {} };
  }

  /**
   * Rejects once no storage has answered for a while: the checkpoint is declined, and what it was to
   * cover is prepared for the next one.
   */
  async #whileStorageAnswers(preCommitted: Promise<unknown>): Promise<void> {
    const { clock, fileSystems } = this.#context;
    const sinceMs = clock.monotonicMs();
    let cancelTimer: CancelTimer = () => {};
    const silence = new Promise<never>((_, reject) => {
      const look = (): void => {
        // Each checkpoint waits by itself: an outage must not use up the failures that are tolerated.
        const silentMs = Math.min(fileSystems.silentForMs(), clock.monotonicMs() - sinceMs);
        if (silentMs >= SILENCE_MAX_MS) reject(silent(this.id, silentMs));
        else cancelTimer = clock.setTimer(SILENCE_LOOK_MS, look);
      };
      cancelTimer = clock.setTimer(SILENCE_LOOK_MS, look);
    });
    try {
      await Promise.race([preCommitted, silence]);
    } finally {
      cancelTimer();
    }
  }

  async #recover(restored: RestoredState | null): Promise<void> {
    const { committer } = this.#sink;
    const { attempt, subtaskIndex, parallelism } = this.#context;
    const isSuccessor = restored !== null || attempt > 0;
    if (committer === null || !this.#isCheckpointed || !isSuccessor) return;
    const entries = (restored?.lists['committables'] ?? []) as readonly CommittableEntry[];
    const own = entries.filter(({ subtask }) => subtask % parallelism === subtaskIndex);
    if (own.length > 0) {
      // The attempt before may have been stopped anywhere in this commit, or behind it.
      killPoint('before-commit');
      await committer.commit(own.map(({ committable }) => committable));
      killPoint('after-commit');
    }
    await committer.recover?.(
      this.#context,
      entries.map(({ committable }) => committable),
    );
  }

  async #commitThrough(checkpointId: number): Promise<void> {
    const { committer } = this.#sink;
    const due = this.#pending.filter((commit) => isDue(commit, checkpointId));
    if (committer === null || due.length === 0 || this.#isClosed) return;
    try {
      killPoint('before-commit');
      await commitPassing(() => committer.commit(due.flatMap(({ committables }) => committables)));
      killPoint('after-commit');
      this.#forget(due);
    } catch (error) {
      this.#context.fail(error);
    }
  }

  #forget(commits: readonly PendingCommit[]): void {
    this.#pending = this.#pending.filter((commit) => !commits.includes(commit));
  }

  /** What no checkpoint refers to that is, or may become, restorable is nobody's any more. */
  async #abortUnreferenced(): Promise<void> {
    const { committer } = this.#sink;
    if (committer === null) return;
    await this.#committing;
    const referenced = Math.max(...this.#undecided, this.#completedId);
    const unreferenced = this.#pending
      .filter(({ checkpointId }) => checkpointId > referenced)
      .flatMap(({ committables }) => committables);
    if (unreferenced.length > 0) await committer.abort(unreferenced);
  }

  /** Without checkpoints. */
  #commitSoon(): void {
    if (this.#isCheckpointed || this.#isCommitWanted) return;
    this.#isCommitWanted = true;
    this.#committing = this.#committing.then(async () => {
      this.#isCommitWanted = false;
      try {
        await this.#commitAsItGoes('finished');
      } catch (error) {
        this.#context.fail(error);
      }
    });
  }

  async #commitAsItGoes(preCommit: PreCommit): Promise<void> {
    const { writer, committer } = this.#sink;
    if (this.#isClosed) return;
    const committables = await writer.prepareCommit(preCommit);
    if (committer === null || committables.length === 0) return;
    // Closing does not undo what was prepared: from here the results are due, cancelled or not.
    await committer.commit(committables);
  }
}

function silent(node: string, silentMs: number): SluiceError {
  const seconds = Math.round(silentMs / 1000);
  const message = `The storage of "${node}" has not answered for ${seconds} s.`;
  return new SluiceError('STORAGE_UNAVAILABLE', message, {
    domain: 'external',
    retry: 'backoff',
    context: { node },
  });
}

function isDue(commit: PendingCommit, checkpointId: number): boolean {
  return commit.checkpointId <= checkpointId && commit.committables.length > 0;
}
