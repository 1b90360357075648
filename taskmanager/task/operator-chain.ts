import { STATE_DEFAULTS } from '../../shared/checkpoint/state-backend.ts';
import { invariant } from '../../shared/errors/invariant.ts';
import { killPoint } from '../../shared/faults/kill-point.ts';
import type { OperatorNode } from '../../shared/job-graph/job-graph.ts';
import type { Barrier, StreamEvent } from '../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import { AsyncWaitOperator } from '../operators/runtime/async-wait-operator.ts';
import type { ChainedOperator, ChainMember } from '../operators/runtime/chained-operator.ts';
import { ChainedStreamOperator } from '../operators/runtime/chained-stream-operator.ts';
import type { RestoredState } from '../operators/runtime/member-snapshot.ts';
import type { OperatorBody, OperatorFactory } from '../operators/runtime/operator-body.ts';
import { RuntimeContext, type TaskContext } from '../operators/runtime/runtime-context.ts';
import { SinkOperator } from '../operators/runtime/sink-operator.ts';
import { SourceOperator } from '../operators/runtime/source-operator.ts';
import type { Output } from '../operators/stream-operator.ts';
import { backendFactory } from '../state/create-backend.ts';
import { OperatorKeyedState } from '../state/operator-keyed-state.ts';
import type { ChainBarriers } from './chain-barriers.ts';
import {
  BroadcastingOutput,
  CountingOutput,
  DirectOutput,
  endOutput,
  PartitionOutput,
} from './chain-outputs.ts';
import type { AlignedBarrier } from './checkpoint-barrier-handler.ts';
import type { ResultPartition } from './result-partition.ts';

export interface ChainOptions {
  readonly context: TaskContext;
  readonly createOperator: OperatorFactory;
  /** The result partitions, by the operator whose output they carry. */
  readonly partitions: ReadonlyMap<string, readonly ResultPartition[]>;
  readonly barriers: ChainBarriers;
  readonly edgeIdOf: (partition: ResultPartition) => string;
  /** Runs the task's loop soon. */
  readonly wake: () => void;
}

/**
 * Rejected records that wait for a barrier to pass the rest of the chain; the chain takes no more
 * records then. What asynchronous operators and the source have under way may still be added.
 */
const HELD_DEAD_LETTERS_MAX = 256;

/**
 * The operators of one task: a tree of direct calls (Flink's OperatorChain). The head is a source or
 * takes what the input gates give. The dead-letter sink belongs to no branch: it takes what any of
 * the others rejects.
 */
export class OperatorChain {
  readonly source: SourceOperator | null;
  /** In topological order, the dead letters last: the order in which they finish. */
  readonly members: readonly ChainMember[];
  readonly #contexts: readonly RuntimeContext[];
  readonly #head: ChainedOperator | null;
  readonly #deadLetters: ChainedOperator | null;
  readonly #barriers: ChainBarriers;
  /** Rejected behind a barrier that has not reached the dead-letter sink; in order. */
  #heldDeadLetters: { readonly record: StreamRecord; readonly operatorId: string }[] = [];
  /** Those furthest downstream first: what they let out makes room for the others. */
  readonly #asyncOperators: readonly AsyncWaitOperator[];
  #isHalted = false;
  /** Halted, or too many dead letters are held; asked for each record. */
  #isStopped = false;

  private constructor(
    built: BuiltOperators,
    contexts: readonly RuntimeContext[],
    barriers: ChainBarriers,
  ) {
    this.source = built.source;
    this.members = built.members;
    this.#contexts = contexts;
    this.#head = built.head;
    this.#deadLetters = built.deadLetters;
    this.#barriers = barriers;
    const { deadLetters } = built;
    barriers.setMembers(
      built.members.map(({ id }) => id),
      deadLetters && { id: deadLetters.id, pass: (barrier) => this.#passDeadLetters(barrier) },
    );
    this.#asyncOperators = built.members
      .filter((member) => member instanceof AsyncWaitOperator)
      .toReversed();
  }

  static async build(options: ChainOptions): Promise<OperatorChain> {
    const { context, createOperator } = options;
    const nodes = context.deployment.operators;
    const bodies = await Promise.all(nodes.map((node) => createOperator(node)));
    const { deployment, clock, localStateDirectory: localDirectory } = context;
    const local = localDirectory === undefined ? {} : { localDirectory };
    const createBackend = await backendFactory((deployment.state ?? STATE_DEFAULTS).backend);
    const contexts = nodes.map((node) => {
      const keyed = new OperatorKeyedState(() => createBackend({ ...deployment, ...local, clock }));
      return new RuntimeContext(context, node, keyed);
    });
    // The source asks the chain, which is made from it.
    let chain: OperatorChain | null = null;
    const isReady = (): boolean => chain?.isReady() === true;
    chain = new OperatorChain(
      buildOperators(options, bodies, contexts, isReady),
      contexts,
      options.barriers,
    );
    return chain;
  }

  /** Whether the head takes a record now. */
  isReady(): boolean {
    if (this.#isStopped) return false;
    if (this.#deadLetters !== null && !this.#deadLetters.isReady()) return false;
    return this.#head === null || this.#head.isReady();
  }

  processElement(record: StreamRecord): void {
    this.#requireHead().processElement(record);
  }

  processEvent(event: StreamEvent): void {
    this.#requireHead().processEvent(event);
  }

  /** Lets a barrier in, in front of everything that is fed from now on. */
  passBarrier(aligned: AlignedBarrier): void {
    const { barrier } = aligned;
    this.#barriers.begin(aligned);
    if (this.source !== null) this.source.emitBarrier(barrier);
    else this.#requireHead().processEvent(barrier);
  }

  /** False where there is no dead-letter sink. */
  writeDeadLetter(record: StreamRecord, operatorId: string): boolean {
    if (this.#deadLetters === null) return false;
    if (this.#barriers.mayReject(operatorId)) this.#deadLetters.processElement(record);
    else this.#heldDeadLetters.push({ record, operatorId });
    if (this.#heldDeadLetters.length >= HELD_DEAD_LETTERS_MAX) this.#isStopped = true;
    return true;
  }

  isDeadLetterSink(operatorId: string): boolean {
    return this.#deadLetters?.id === operatorId;
  }

  /** Lets out what asynchronous operators have completed. */
  drain(): void {
    for (const operator of this.#asyncOperators) operator.drain();
  }

  /**
   * Downstream first, so that everyone finds their consumers open; `restore` gives an operator's
   * state, where there is any to begin with.
   */
  async open(restore: (operatorId: string) => Promise<RestoredState | null>): Promise<void> {
    for (const member of this.members.toReversed()) await member.open(await restore(member.id));
  }

  /** The checkpoint can be restored; resolves when all sinks, one by one, have committed. */
  async checkpointComplete(checkpointId: number): Promise<void> {
    let hasCommitted = false;
    for (const member of this.members) {
      const isCommitDue = member instanceof SinkOperator && member.isCommitDue(checkpointId);
      if (isCommitDue && hasCommitted) killPoint('between-sink-commits');
      await member.checkpointComplete?.(checkpointId);
      hasCommitted ||= isCommitDue;
    }
  }

  checkpointAborted(checkpointId: number): void {
    for (const member of this.members) member.checkpointAborted?.(checkpointId);
  }

  /** The input ended: each operator finishes before the one behind it does. */
  async finish(): Promise<void> {
    for (const member of this.members) {
      if (this.#isHalted) return;
      await member.finish();
    }
  }

  /** Takes no more records: the task has failed or was cancelled. */
  halt(): void {
    this.#isHalted = true;
    this.#isStopped = true;
  }

  /** Closes all of them, also after one that cannot be closed; rejects with the first error. */
  async close(): Promise<void> {
    this.halt();
    for (const context of this.#contexts) context.cancelTimers();
    const closed = await Promise.allSettled(this.members.map((member) => member.close()));
    for (const result of closed) if (result.status === 'rejected') throw result.reason;
  }

  /** The barrier has passed all others: what they rejected behind it may follow. */
  #passDeadLetters(barrier: Barrier): void {
    this.#deadLetters?.processEvent(barrier);
    const held = this.#heldDeadLetters;
    this.#heldDeadLetters = [];
    this.#isStopped = this.#isHalted;
    for (const { record, operatorId } of held) this.writeDeadLetter(record, operatorId);
  }

  #requireHead(): ChainedOperator {
    invariant(this.#head !== null, 'nothing is fed into a source');
    return this.#head;
  }
}

interface BuiltOperators {
  readonly source: SourceOperator | null;
  readonly head: ChainedOperator | null;
  readonly deadLetters: ChainedOperator | null;
  readonly members: readonly ChainMember[];
}

/** From the leaves to the head, because each operator needs its output. */
function buildOperators(
  options: ChainOptions,
  bodies: readonly OperatorBody[],
  contexts: readonly RuntimeContext[],
  isChainReady: () => boolean,
): BuiltOperators {
  const nodes = options.context.deployment.operators;
  const chained = new Map<string, ChainedOperator>();
  const members: ChainMember[] = [];
  let source: SourceOperator | null = null;
  for (const [index, node] of [...nodes.entries()].toReversed()) {
    const body = bodies[index];
    const context = contexts[index];
    invariant(body !== undefined && context !== undefined, 'each node has a body', { index });
    const output = outputOf(node, options, chained, context);
    if (body.sort === 'source') {
      invariant(index === 0, 'a source is the head of its chain', { operator: node.id });
      source = new SourceOperator({
        reader: body.reader,
        context,
        output,
        barriers: options.barriers,
        isReady: () => isChainReady() && output.isReady(),
      });
      members.unshift(source);
    } else {
      const operator = wrap(node, body, { context, output, options });
      chained.set(node.id, operator);
      members.unshift(operator);
    }
  }
  const deadLettersId = nodes.find((node) => node.kind === 'sink/dead-letters')?.id ?? '';
  const deadLetters = chained.get(deadLettersId) ?? null;
  const ordered = members.filter((member) => member !== deadLetters);
  if (deadLetters !== null) ordered.push(deadLetters);
  const headId = nodes[0]?.id ?? '';
  return { source, head: chained.get(headId) ?? null, deadLetters, members: ordered };
}

function wrap(
  node: OperatorNode,
  body: Exclude<OperatorBody, { sort: 'source' }>,
  parts: { context: RuntimeContext; output: Output; options: ChainOptions },
): ChainedOperator {
  const { context, output, options } = parts;
  const { barriers, wake } = options;
  switch (body.sort) {
    case 'synchronous':
      return new ChainedStreamOperator({
        operator: body.operator,
        context,
        output,
        barriers,
        keyedState: context.keyed,
      });
    case 'asynchronous':
      return new AsyncWaitOperator({
        function: body.function,
        context,
        output,
        barriers,
        isSink: node.kind.startsWith('sink/'),
      });
    case 'sink': {
      const isCheckpointed = options.context.deployment.checkpoints !== null;
      return new SinkOperator({ sink: body.sink, context, barriers, isCheckpointed, wake });
    }
    default:
      return body satisfies never;
  }
}

function outputOf(
  node: OperatorNode,
  options: ChainOptions,
  chained: ReadonlyMap<string, ChainedOperator>,
  context: RuntimeContext,
): Output {
  const outputs: Output[] = [];
  for (const next of options.context.deployment.operators) {
    if (next.chainedTo !== node.id || next.kind === 'sink/dead-letters') continue;
    const operator = chained.get(next.id);
    invariant(operator !== undefined, 'operators come in topological order', { operator: next.id });
    outputs.push(new DirectOutput(operator));
  }
  for (const partition of options.partitions.get(node.id) ?? []) {
    const edgeId = options.edgeIdOf(partition);
    options.barriers.addExit(edgeId);
    const leave = (barrier: Barrier): void => options.barriers.leave(edgeId, partition, barrier);
    outputs.push(new PartitionOutput(partition, leave));
  }
  const [first] = outputs;
  if (first === undefined) return endOutput;
  const output = outputs.length === 1 ? first : new BroadcastingOutput(outputs);
  return new CountingOutput(context.metrics, output);
}
