import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { Barrier } from '../../shared/record/stream-event.ts';
import type { Mailbox } from '../operators/operator-context.ts';
import type { AlignedBarrier } from './checkpoint-barrier-handler.ts';
import type { GateInput } from './gate-input.ts';
import type { OperatorChain } from './operator-chain.ts';
import type { OvertakingBarriers } from './overtaking-barriers.ts';
import type { TaskCheckpoints } from './task-checkpoints.ts';
import type { TaskInput } from './task-input.ts';

export interface CheckpointFlowOptions {
  readonly chain: OperatorChain;
  readonly input: TaskInput;
  /** Null for a source. */
  readonly gateInput: GateInput | null;
  readonly checkpoints: TaskCheckpoints;
  readonly overtaking: OvertakingBarriers;
  readonly mailbox: Mailbox;
  readonly fail: (error: unknown) => void;
  /** The task's last checkpoint is complete: it ends once this promise has resolved. */
  readonly end: (committed: Promise<void>) => void;
}

/**
 * What barriers and the fate of checkpoints do to a task. All calls come from the task's loop.
 *
 * Of a `final` checkpoint's barrier the operators finish before it enters the chain, once: nothing
 * follows it but, where it is aborted, the next one. Behind a `suspend` barrier a source emits
 * nothing. When such a checkpoint is complete, and the input has ended, so does the task; where it is
 * aborted, or another one follows it (a new job manager may not know of it), everything goes on.
 */
export class CheckpointFlow {
  readonly #options: CheckpointFlowOptions;
  #triggeredId = Number.NEGATIVE_INFINITY;
  #hasFinished = false;
  #isFinishing = false;
  /** Came while the operators were finishing; at most the checkpoints in flight. */
  #waiting: AlignedBarrier[] = [];
  /** The checkpoint after which the task ends, once its barrier has passed. */
  #lastId: number | null = null;
  #committed: Promise<void> | null = null;
  #isInputEnded = false;
  #abortedId = Number.NEGATIVE_INFINITY;

  constructor(options: CheckpointFlowOptions) {
    this.#options = options;
  }

  /** To a source. A trigger that comes again starts nothing. */
  trigger(barrier: Barrier): void {
    if (barrier.checkpointId <= this.#triggeredId) return;
    this.#triggeredId = barrier.checkpointId;
    this.enter({ barrier, alignmentMs: 0 });
  }

  /** All of the task's input in front of the barrier is processed. */
  enter(aligned: AlignedBarrier): void {
    if (this.#isFinishing) {
      this.#waiting.push(aligned);
    } else if (aligned.barrier.purpose === 'final' && !this.#hasFinished) {
      this.#isFinishing = true;
      this.#finishThenPass(aligned).catch(this.#options.fail);
    } else {
      this.#pass(aligned);
    }
  }

  completed(checkpointId: number): void {
    const committed = this.#options.chain.checkpointComplete(checkpointId);
    committed.catch(this.#options.fail);
    if (checkpointId !== this.#lastId) return;
    this.#committed = committed;
    this.#endIfDone();
  }

  aborted(checkpointId: number): void {
    const { chain, gateInput, checkpoints } = this.#options;
    this.#abortedId = Math.max(this.#abortedId, checkpointId);
    checkpoints.aborted(checkpointId);
    chain.checkpointAborted(checkpointId);
    gateInput?.checkpointAborted(checkpointId);
    if (this.#lastId === checkpointId) this.#goOn();
  }

  /** Every channel has ended; may be called again. */
  inputEnded(): void {
    this.#isInputEnded = true;
    if (this.#lastId === null && !this.#isFinishing) {
      const message = 'the input ended without a last checkpoint';
      const options = { domain: 'internal', retry: 'restart-job' } as const;
      this.#options.fail(new SluiceError('PROTOCOL_VIOLATION', message, options));
      return;
    }
    this.#endIfDone();
  }

  #endIfDone(): void {
    const { gateInput, end } = this.#options;
    if (this.#committed === null) return;
    if (gateInput !== null && !this.#isInputEnded) return;
    end(this.#committed);
  }

  /** What should have been the last checkpoint is not. */
  #goOn(): void {
    this.#lastId = null;
    this.#options.input.resume();
  }

  async #finishThenPass(aligned: AlignedBarrier): Promise<void> {
    const { chain, input, mailbox } = this.#options;
    input.pause();
    chain.source?.emitHeld();
    await chain.finish();
    mailbox.execute(() => {
      this.#isFinishing = false;
      this.#hasFinished = true;
      input.resume();
      this.#pass(aligned);
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const next of waiting) this.enter(next);
    });
  }

  #pass(aligned: AlignedBarrier): void {
    const { chain, input, gateInput, overtaking } = this.#options;
    const { barrier } = aligned;
    const { purpose, checkpointId } = barrier;
    const isLast = purpose === 'final' || purpose === 'suspend';
    if (this.#lastId !== null && this.#committed === null) this.#goOn();
    if (isLast && checkpointId > this.#abortedId) {
      this.#lastId = checkpointId;
      if (purpose === 'suspend' && gateInput === null) input.pause();
    }
    if (overtaking.patienceMs(barrier) === 0) {
      chain.passBarrier({ ...aligned, barrier: { ...barrier, alignment: 'unaligned' } });
      return;
    }
    chain.passBarrier(aligned);
  }
}
