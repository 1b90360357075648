import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import { serializeError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import type { JobManagerMessage } from '../../shared/rpc/messages.ts';
import { type CreateEnumerator, isSource } from '../sources/create-enumerator.ts';
import { type RestoredEnumerator, SourceCoordinator } from '../sources/source-coordinator.ts';
import type { AdoptedReader } from './adoption.ts';

export interface JobSourcesOptions {
  readonly jobGraph: JobGraph;
  readonly createEnumerator: CreateEnumerator;
  /** The current attempts of a vertex, by subtask. */
  readonly attemptIds: (vertexId: string) => readonly string[];
  readonly sendToAttempt: (attemptId: string, message: JobManagerMessage) => void;
  readonly onFailure: (operatorId: string, error: SerializedError) => void;
  /** Where readers can be started again: whether all of them can, singly. Called when it changes. */
  readonly onTracking: ((complete: boolean) => void) | null;
}

/** The enumerators' states to start from; null: from the beginning. */
export type LoadEnumeratorState = (operatorId: string) => Promise<RestoredEnumerator>;

/** The sources of one job: a coordinator each, made anew when they start from a checkpoint. */
export class JobSources {
  readonly #options: JobSourcesOptions;
  #coordinators: readonly SourceCoordinator[] = [];
  #started = false;

  constructor(options: JobSourcesOptions) {
    this.#options = options;
  }

  get all(): readonly SourceCoordinator[] {
    return this.#coordinators;
  }

  /** False while states to start from are on their way. */
  get started(): boolean {
    return this.#started;
  }

  /** From the beginning, at once. */
  start(): void {
    this.#create();
    for (const source of this.#coordinators) source.start();
    this.#started = true;
  }

  /**
   * Resolves when all have started, or have failed to. Those that ran are closed. `adopted`: readers
   * that run already, of any source.
   */
  async startFrom(
    load: LoadEnumeratorState,
    adopted: readonly AdoptedReader[] = [],
  ): Promise<void> {
    this.close();
    this.#started = false;
    this.#create();
    const coordinators = this.#coordinators;
    await Promise.all(coordinators.map((source) => this.#startOne(source, load, adopted)));
    if (coordinators === this.#coordinators) this.#started = true;
  }

  async #startOne(
    source: SourceCoordinator,
    load: LoadEnumeratorState,
    adopted: readonly AdoptedReader[],
  ): Promise<void> {
    try {
      const restored = await load(source.operatorId);
      if (this.#coordinators.includes(source)) source.start(restored, adopted);
    } catch (error) {
      if (!this.#coordinators.includes(source)) return;
      source.close();
      this.#options.onFailure(source.operatorId, serializeError(error));
    }
  }

  handleSplitRequest(operatorId: string, attemptId: string, count: number): void {
    this.#find(operatorId)?.handleSplitRequest(attemptId, count);
  }

  attemptEnded(attemptId: string): void {
    for (const source of this.#coordinators) source.attemptEnded(attemptId);
  }

  subtaskReset(operatorId: string, subtask: number, attemptId: string): void {
    this.#find(operatorId)?.subtaskReset(subtask, attemptId);
  }

  stop(): void {
    for (const source of this.#coordinators) source.stop();
  }

  close(): void {
    for (const source of this.#coordinators) source.close();
  }

  #find(operatorId: string): SourceCoordinator | undefined {
    return this.#coordinators.find((source) => source.operatorId === operatorId);
  }

  #create(): void {
    const { jobGraph, createEnumerator, attemptIds, sendToAttempt } = this.#options;
    const { onFailure, onTracking } = this.#options;
    const created: SourceCoordinator[] = [];
    for (const vertex of jobGraph.vertices) {
      const [head] = vertex.operators;
      if (head === undefined || !isSource(head)) continue;
      const tracking = {
        onChanged: () => onTracking?.(created.every((source) => source.trackingComplete)),
      };
      const source = new SourceCoordinator({
        operatorId: head.id,
        enumerator: createEnumerator(head),
        attemptIds: attemptIds(vertex.id),
        sendToAttempt,
        onFailure: (error) => onFailure(head.id, error),
        ...(onTracking === null ? {} : { tracking }),
      });
      created.push(source);
    }
    this.#coordinators = created;
  }
}
