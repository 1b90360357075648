import { InvariantError, invariant } from '../../shared/errors/invariant.ts';
import { SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import type { TaskDeployment } from '../../shared/job-graph/task-deployment.ts';
import type { SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import { type Barrier, END_OF_INPUT } from '../../shared/record/stream-event.ts';
import type { TaskContext } from '../operators/runtime/runtime-context.ts';
import { ChainBarriers } from './chain-barriers.ts';
import { restoreChannels } from './channel-states.ts';
import { CheckpointFlow } from './checkpoint-flow.ts';
import { GateInput } from './gate-input.ts';
import type { InputGate } from './input-gate.ts';
import { OperatorChain } from './operator-chain.ts';
import { OvertakingBarriers } from './overtaking-barriers.ts';
import { RejectedRecords } from './rejected-records.ts';
import { restoredState } from './restored-states.ts';
import type { ResultPartition } from './result-partition.ts';
import { TaskCheckpoints } from './task-checkpoints.ts';
import type { TaskEnvironment, TaskStateUpdate } from './task-environment.ts';
import type { InputOutcome, TaskInput } from './task-input.ts';
import type { Runnable, TurnQuota } from './task-loop.ts';
import { TaskMailbox } from './task-mailbox.ts';
import { reportSubtaskMetrics } from './task-metrics.ts';
import { TASK_TRANSITIONS, type TaskPhase } from './task-phase.ts';
import { TimeAccounting } from './time-accounting.ts';

/** Operators have this long to close; then the end is reported without them. */
const CLOSE_TIMEOUT_MS = 5_000;

type Outcome =
  | { readonly state: 'FINISHED' | 'CANCELED' }
  | { readonly state: 'FAILED'; readonly error: unknown };

/**
 * One attempt of one subtask (Flink's StreamTask): opens its chain, feeds it from its input in turns
 * of the slot's loop, finishes, fails or is cancelled. All of it runs in the slot's thread; nothing
 * on the per-record path awaits.
 */
export class StreamTask implements Runnable {
  readonly attemptId: string;
  readonly #deployment: TaskDeployment;
  readonly #environment: TaskEnvironment;
  readonly #mailbox: TaskMailbox;
  readonly #rejected: RejectedRecords;
  readonly #time: TimeAccounting;
  #phase: TaskPhase = 'initializing';
  #opening: Promise<void> = Promise.resolve();
  readonly #gates = new Map<string, InputGate>();
  readonly #partitions = new Map<string, ResultPartition[]>();
  readonly #partitionOfEdge = new Map<string, ResultPartition>();
  /** In the gates. */
  readonly #overtakingInput: OvertakingBarriers;
  /** In the chain, and on their way out of it. */
  readonly #overtaking: OvertakingBarriers;
  #chain: OperatorChain | null = null;
  #input: TaskInput | null = null;
  readonly #checkpoints: TaskCheckpoints;
  /** Set once the task runs with checkpoints. */
  #flow: CheckpointFlow | null = null;
  #isDrained = false;

  constructor(deployment: TaskDeployment, environment: TaskEnvironment) {
    this.attemptId = deployment.attemptId;
    this.#deployment = deployment;
    this.#environment = environment;
    this.#mailbox = new TaskMailbox(this.#wake);
    this.#time = new TimeAccounting(environment.clock);
    const { clock, logger, control } = environment;
    const { attemptId } = deployment;
    const { checkpoints } = deployment;
    const timeoutMs = checkpoints?.mode === 'exactly-once' ? checkpoints.alignmentTimeoutMs : null;
    const overtaking = { clock, mailbox: this.#mailbox, timeoutMs };
    this.#overtakingInput = new OvertakingBarriers(overtaking);
    this.#overtaking = new OvertakingBarriers(overtaking);
    this.#checkpoints = new TaskCheckpoints({ attemptId, clock, control });
    this.#rejected = new RejectedRecords({ deployment, clock, logger, fail: this.fail });
  }

  /** Reports every change of state; what goes wrong is a state, too. */
  start(): void {
    this.#report({ state: 'INITIALIZING' });
    this.#opening = this.#open();
  }

  /** Ends the task without finishing it: what was not committed is discarded. */
  cancel(): void {
    this.#end({ state: 'CANCELED' });
  }

  /** The first failure decides; later ones are its consequences. */
  readonly fail = (error: unknown): void => {
    if (error instanceof InvariantError) throw error;
    this.#end({ state: 'FAILED', error });
  };

  addSplits(splits: readonly unknown[]): void {
    this.#mailbox.execute(() => {
      if (splits.length > 0) this.#isDrained = false;
      this.#chain?.source?.addSplits(splits);
    });
  }

  noMoreSplits(): void {
    this.#mailbox.execute(() => this.#chain?.source?.noMoreSplits());
  }

  /** To a source: the barrier goes out between two records. */
  triggerCheckpoint(barrier: Barrier): void {
    const flow = this.#flow;
    if (this.#phase !== 'running' || flow === null) {
      this.#checkpoints.decline(barrier.checkpointId, 'TASK_NOT_RUNNING', this.#notRunning());
      return;
    }
    this.#mailbox.execute(() => {
      flow.trigger(barrier);
      // Whoever triggers this one may be a job manager that has not heard of it.
      if (this.#isDrained && barrier.purpose === 'checkpoint') this.#reportDrained();
    });
  }

  /** It can be restored: sinks commit. */
  checkpointComplete(checkpointId: number): void {
    this.#mailbox.execute(() => this.#flow?.completed(checkpointId));
  }

  /** It never will be. */
  checkpointAborted(checkpointId: number): void {
    this.#mailbox.execute(() => this.#flow?.aborted(checkpointId));
  }

  metrics(): SubtaskMetrics {
    return reportSubtaskMetrics({
      attemptId: this.attemptId,
      input: this.#input,
      members: this.#chain?.members ?? [],
      partitions: this.#partitions,
      time: this.#time,
    });
  }

  runTurn(quota: TurnQuota): boolean {
    const chain = this.#chain;
    const input = this.#input;
    if (chain === null || input === null) return false;
    if (this.#phase !== 'running' && this.#phase !== 'finishing') return false;
    this.#time.enter('busy');
    try {
      this.#mailbox.drain();
      chain.drain();
      if (this.#phase !== 'running') return false;
      return this.#afterTurn(input.process(quota), chain);
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  /** True where the next turn is due at once. */
  #afterTurn(outcome: InputOutcome, chain: OperatorChain): boolean {
    // An operator may have failed the task meanwhile.
    if (this.#phase !== 'running') return false;
    switch (outcome) {
      case 'more':
        return true;
      case 'empty':
        this.#time.enter('idle');
        return false;
      case 'blocked':
        // Without back-pressure it is the task's own operators that are at work.
        if (!this.#outputsAvailable()) this.#time.enter('back-pressured');
        return false;
      case 'ended':
        this.#inputEnded(chain);
        return false;
      default:
        return outcome satisfies never;
    }
  }

  /** With checkpoints a task ends with the last one of them, not with its input. */
  #inputEnded(chain: OperatorChain): void {
    this.#time.enter('idle');
    if (this.#flow === null) {
      this.#transition('finishing');
      this.#finish(chain.finish()).catch(this.fail);
    } else if (chain.source === null) {
      this.#flow.inputEnded();
    } else if (!this.#isDrained) {
      this.#isDrained = true;
      this.#reportDrained();
    }
  }

  #reportDrained(): void {
    this.#environment.control.checkpoint({ kind: 'source-drained', attemptId: this.attemptId });
  }

  readonly #wake = (): void => {
    this.#environment.loop.wake(this);
  };

  async #open(): Promise<void> {
    try {
      this.#connect();
      const { createOperator, snapshots } = this.#environment;
      const { restore } = this.#deployment;
      const chain = await OperatorChain.build({
        context: this.#taskContext(),
        createOperator,
        partitions: this.#partitions,
        barriers: this.#createBarriers(),
        edgeIdOf: (partition) => this.#edgeIdOf(partition),
        wake: this.#wake,
      });
      this.#chain = chain;
      if (this.#isOver()) return;
      this.#input = this.#createInput(chain);
      this.#input.start(this.#wake);
      await chain.open((operatorId) => restoredState(restore, operatorId, snapshots));
      const ends = { gates: this.#gates, partitions: this.#partitionOfEdge };
      await restoreChannels(restore, ends, snapshots);
      if (this.#isOver()) return;
      this.#transition('running');
      this.#report({ state: 'RUNNING' });
      this.#wake();
    } catch (error) {
      this.fail(error);
    }
  }

  #createBarriers(): ChainBarriers {
    const { clock, snapshots } = this.#environment;
    const { jobId, attemptId, checkpoints } = this.#deployment;
    return new ChainBarriers({
      clock,
      createStore: (checkpointId) => {
        invariant(checkpoints !== null, 'barriers come in jobs with checkpoints');
        const { directory } = checkpoints;
        return snapshots.forCheckpoint({ jobId, attemptId, checkpointId, directory });
      },
      patienceMs: (barrier) => this.#overtaking.patienceMs(barrier),
      onPassed: this.#checkpoints.passed,
    });
  }

  /** The source, or the gates; with checkpoints, what barriers do to them. */
  #createInput(chain: OperatorChain): TaskInput {
    const { checkpoints } = this.#deployment;
    const gateInput =
      chain.source === null
        ? new GateInput({
            gates: [...this.#gates.values()],
            edgeIds: [...this.#gates.keys()],
            consumer: chain,
            clock: this.#environment.clock,
            overtaking: this.#overtakingInput,
            mode: checkpoints?.mode ?? 'exactly-once',
            onAligned: (aligned) => {
              invariant(this.#flow !== null, 'barriers come in jobs with checkpoints');
              this.#flow.enter(aligned);
            },
          })
        : null;
    const input = gateInput ?? chain.source;
    invariant(input !== null, 'a task has an input');
    if (checkpoints !== null) {
      this.#flow = new CheckpointFlow({
        chain,
        input,
        gateInput,
        checkpoints: this.#checkpoints,
        overtaking: this.#overtaking,
        mailbox: this.#mailbox,
        fail: this.fail,
        end: (committed) => {
          if (this.#phase !== 'running') return;
          this.#transition('finishing');
          this.#finish(committed).catch(this.fail);
        },
      });
    }
    return input;
  }

  /** Both ends of the exchanges, before anything that takes time: the peers may be there already. */
  #connect(): void {
    const { network } = this.#environment;
    const { subtaskIndex } = this.#deployment;
    for (const descriptor of this.#deployment.outputs) {
      const partition = network.createResultPartition(descriptor, { subtaskIndex });
      const present = this.#partitions.get(descriptor.sourceOperator) ?? [];
      this.#partitions.set(descriptor.sourceOperator, [...present, partition]);
      const { partitionId } = descriptor;
      this.#partitionOfEdge.set(partitionId.slice(partitionId.lastIndexOf('#') + 1), partition);
      partition.onAvailable(this.#wake);
      partition.onFailure(this.fail);
    }
    for (const descriptor of this.#deployment.inputs) {
      const gate = network.createInputGate(descriptor);
      this.#gates.set(descriptor.edgeId, gate);
      gate.onFailure(this.fail);
    }
  }

  #edgeIdOf(partition: ResultPartition): string {
    const found = [...this.#partitionOfEdge].find(([, other]) => other === partition);
    invariant(found !== undefined, 'a partition belongs to an edge');
    return found[0];
  }

  #taskContext(): TaskContext {
    const { taskManagerId, clock, fileSystems, inference, control } = this.#environment;
    const { localStateDirectory } = this.#environment;
    return {
      deployment: this.#deployment,
      ...(localStateDirectory === undefined ? {} : { localStateDirectory }),
      taskManagerId,
      clock,
      mailbox: this.#mailbox,
      fileSystems,
      inference,
      requestSplits: (count) => control.requestSplits(this.attemptId, count),
      reject: (rejected) => {
        invariant(this.#chain !== null, 'records are rejected by open operators');
        if (!this.#isOver()) this.#rejected.handle(rejected, this.#chain);
      },
      fail: this.fail,
    };
  }

  /** After the operators the partitions; finished once everything has left. */
  async #finish(operatorsDone: Promise<void>): Promise<void> {
    await operatorsDone;
    if (this.#isOver()) return;
    const partitions = [...this.#partitions.values()].flat();
    for (const partition of partitions) {
      partition.broadcastEvent(END_OF_INPUT);
      partition.flush();
    }
    await Promise.all(partitions.map((partition) => partition.drained()));
    if (!this.#isOver()) this.#end({ state: 'FINISHED' });
  }

  #end(outcome: Outcome): void {
    if (this.#isOver()) return;
    this.#transition('ending');
    this.#chain?.halt();
    this.#checkpoints.close();
    this.#overtakingInput.close();
    this.#overtaking.close();
    this.#mailbox.close();
    this.#environment.loop.remove(this);
    this.#release(outcome).catch((error: unknown) => {
      queueMicrotask(() => {
        throw error;
      });
    });
  }

  /** Closes the operators (bounded), says how it ended, and only then lets go of the peers. */
  async #release(outcome: Outcome): Promise<void> {
    const { clock, logger } = this.#environment;
    const closed = this.#closeOperators();
    const isClosed = await new Promise<boolean>((resolve) => {
      const cancelTimer = clock.setTimer(CLOSE_TIMEOUT_MS, () => resolve(false));
      void closed.then(() => {
        cancelTimer();
        resolve(true);
      });
    });
    if (!isClosed) logger.warn({ attemptId: this.attemptId }, 'operators are slow to close');
    this.#transition('ended');
    // The peers will notice that this end is gone; the cause must be known before their complaint.
    this.#report(outcome);
    for (const partition of [...this.#partitions.values()].flat()) partition.close();
    for (const gate of this.#gates.values()) gate.close();
  }

  async #closeOperators(): Promise<void> {
    await this.#opening;
    try {
      await this.#chain?.close();
    } catch (error) {
      const { attemptId } = this;
      this.#environment.logger.warn({ attemptId, error: serializeError(error) }, 'close failed');
    }
  }

  #report(outcome: Outcome | { readonly state: 'INITIALIZING' | 'RUNNING' }): void {
    const isEnd = outcome.state !== 'INITIALIZING' && outcome.state !== 'RUNNING';
    const update: TaskStateUpdate = {
      attemptId: this.attemptId,
      state: outcome.state,
      error: outcome.state === 'FAILED' ? serializeError(outcome.error) : null,
      metrics: isEnd ? this.metrics() : null,
    };
    this.#environment.control.stateChanged(update);
  }

  #notRunning(): SluiceError {
    const { checkpoints } = this.#deployment;
    const why = checkpoints === null ? 'was deployed without checkpoints' : `is ${this.#phase}`;
    return new SluiceError('CHECKPOINT_FAILED', `the task ${why}`, { domain: 'external' });
  }

  #outputsAvailable(): boolean {
    for (const partitions of this.#partitions.values()) {
      if (!partitions.every((partition) => partition.isAvailable())) return false;
    }
    return true;
  }

  #isOver(): boolean {
    return this.#phase === 'ending' || this.#phase === 'ended';
  }

  #transition(next: TaskPhase): void {
    const allowed: readonly TaskPhase[] = TASK_TRANSITIONS[this.#phase];
    invariant(allowed.includes(next), 'tasks change their phase as designed', {
      from: this.#phase,
      to: next,
    });
    this.#phase = next;
  }
}
