import type { TaskDeployment } from '../../shared/job-graph/task-deployment.ts';
import type { CheckpointPurpose } from '../../shared/record/stream-event.ts';
import { isEnded } from '../execution-graph/execution-graph.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import { isSource } from '../sources/create-enumerator.ts';
import { type AdoptedReader, type Adoption, adoptedReaders } from './adoption.ts';
import type {
  CheckpointedJob,
  CheckpointsOfJob,
  DeployedAttempt,
  RecoveryBase,
} from './checkpoint-port.ts';
import type { JobEvent, RecoveryEffect } from './job-events.ts';
import type { JobMaster } from './job-master.ts';
import type { JobSources } from './job-sources.ts';
import { Suspension } from './suspension.ts';

export interface JobRecoveryOptions
  extends Omit<CheckpointedJob, 'sources' | 'onTooManyFailures' | 'onFinalComplete'> {
  readonly base: RecoveryBase;
  readonly master: JobMaster;
  readonly sources: JobSources;
  readonly resourceManager: ResourceManager;
  readonly dispatch: (event: JobEvent) => void;
  /** Slots are wanted, and what starts in them is certain; or the job could do with others. */
  readonly onSlotsWanted: () => void;
  readonly rescales: RescaleDecider;
}

/** Whether a job moves to other slots, once the checkpoint for it is taken. */
export interface RescaleDecider {
  /** It is complete: reserves the slots; false where there is nothing to gain any more. */
  confirm(): boolean;
  failed(error: unknown): void;
}

/** Of the checkpoints that a task was told of, the last ones are aborted again. */
const ABORTED_AGAIN_MAX = 100;

/** Whether the job ends with a checkpoint of this purpose. */
export function isLast(purpose: CheckpointPurpose | undefined): boolean {
  return purpose === 'final' || purpose === 'suspend';
}

/**
 * The part of a job's run that only jobs with checkpoints have: it carries out the effects that concern
 * recovery, and lets the checkpoints know when they may be taken. Single-threaded.
 */
export class JobRecovery {
  readonly checkpoints: CheckpointsOfJob;
  readonly suspension: Suspension;
  readonly #options: JobRecoveryOptions;
  #allRunning = false;
  /** It is certain which checkpoint a restart begins from. */
  #settled = true;
  #slotRequests = 0;
  /** What a new leader found, until its tasks have been told where they stand. */
  #adopted: Adoption['reports'] = new Map();
  /** An earlier leader completed the last checkpoint: the tasks end, and no other is taken. */
  #isEnding = false;

  constructor(options: JobRecoveryOptions) {
    this.#options = options;
    const { base, dispatch } = options;
    this.checkpoints = base.open({
      ...options,
      sources: () => this.#snapshottedSources(),
      onTooManyFailures: (error) => dispatch({ kind: 'checkpoints-failed', error }),
      onFinalComplete: () => dispatch({ kind: 'ending' }),
    });
    this.suspension = new Suspension((request) => this.checkpoints.savepoint(request));
  }

  /** False while a restart must not begin yet, though its slots are there. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Whether the state to restore can be spread over another number of subtasks. */
  get rescalable(): boolean {
    return this.checkpoints.latest?.metadata.unaligned !== true;
  }

  /** All of the job runs, is snapshotted, and has something left to read. */
  get steady(): boolean {
    return this.#isReady() && !this.checkpoints.drained;
  }

  /** What the attempt restores, and how it takes part in checkpoints. Throws SluiceErrors. */
  equip(deployment: TaskDeployment): TaskDeployment {
    const { settings, jobGraph, base } = this.#options;
    const { vertexId, subtaskIndex, parallelism } = deployment;
    const vertex = jobGraph.vertices.find(({ id }) => id === vertexId);
    const { mode, alignmentTimeoutMs } = settings;
    return {
      ...deployment,
      checkpoints: { mode, alignmentTimeoutMs, directory: base.directory },
      restore:
        vertex === undefined
          ? null
          : this.checkpoints.restoreFor(vertex, subtaskIndex, parallelism),
    };
  }

  startSources(): void {
    if (this.checkpoints.latest === null) this.#options.sources.start();
    else this.#restoreSources();
  }

  /** The job's tasks run already, deployed by an earlier leader. */
  adoptSources({ reports }: Adoption): void {
    this.#adopted = reports;
    const latest = this.checkpoints.latest?.checkpointId ?? 0;
    this.#restoreSources(adoptedReaders(reports, latest));
  }

  carryOut(effect: RecoveryEffect): void {
    const { sources, resourceManager, jobId } = this.#options;
    switch (effect.kind) {
      case 'interrupt-checkpoints':
        this.#allRunning = false;
        this.#isEnding = false;
        this.checkpoints.interrupted();
        return;
      case 'attempts-changed':
        this.#allRunning = false;
        this.checkpoints.deployed(this.#attempts());
        this.#tellAdopted();
        return;
      case 'all-running':
        this.#allRunning = true;
        this.#runIfReady();
        return;
      case 'take-checkpoint':
        this.#takeCheckpoint();
        return;
      case 'request-slots':
        this.#requestSlots();
        return;
      case 'release-slot':
        resourceManager.releaseSlot(jobId, effect.slot);
        return;
      case 'reset-subtask':
        sources.subtaskReset(effect.operatorId, effect.subtask, effect.attemptId);
        return;
      case 'restart-sources':
        this.#restoreSources();
        return;
      default:
        effect satisfies never;
    }
  }

  close(): void {
    this.suspension.onEnded(this.#options.master.state);
    this.checkpoints.close();
  }

  /** To start from on other slots. */
  #takeCheckpoint(): void {
    const { rescales, dispatch, onSlotsWanted } = this.#options;
    this.checkpoints.savepoint({ directory: null, purpose: 'rescale' }).then(
      () => {
        if (rescales.confirm()) {
          dispatch({ kind: 'rescale' });
          return;
        }
        dispatch({ kind: 'rescale-dropped' });
        if (this.#isReady()) this.checkpoints.running();
        onSlotsWanted();
      },
      (error: unknown) => {
        rescales.failed(error);
        dispatch({ kind: 'rescale-dropped' });
        onSlotsWanted();
      },
    );
  }

  #requestSlots(): void {
    this.#slotRequests += 1;
    const request = this.#slotRequests;
    this.#settled = false;
    // A checkpoint may be between its last acknowledgement and its registration: had the tasks been
    // restored from the one before by then, they would commit what it commits too.
    void this.checkpoints.settled().then(() => {
      if (request !== this.#slotRequests) return;
      this.#settled = true;
      this.#options.onSlotsWanted();
    });
  }

  #restoreSources(adopted: readonly AdoptedReader[] = []): void {
    const load = (operatorId: string) => this.checkpoints.enumeratorState(operatorId);
    void this.#options.sources.startFrom(load, adopted).then(() => this.#runIfReady());
  }

  /**
   * What the earlier leader may not have been able to say: the latest checkpoint is complete, later ones
   * never will be. Both do no harm where it was said.
   */
  #tellAdopted(): void {
    const { sendToAttempt } = this.#options;
    const { latest } = this.checkpoints;
    const latestId = latest?.checkpointId ?? 0;
    for (const report of this.#adopted.values()) {
      const { attemptId, checkpointIdSeen, source } = report;
      if (latestId > 0) {
        sendToAttempt(attemptId, {
          kind: 'checkpoint-complete',
          attemptId,
          checkpointId: latestId,
        });
      }
      const first = Math.max(latestId + 1, checkpointIdSeen - ABORTED_AGAIN_MAX);
      for (let checkpointId = first; checkpointId <= checkpointIdSeen; checkpointId += 1) {
        sendToAttempt(attemptId, { kind: 'checkpoint-aborted', attemptId, checkpointId });
      }
      if (source?.drained === true) this.checkpoints.handle({ kind: 'source-drained', attemptId });
    }
    this.#isEnding = this.#adopted.size > 0 && isLast(latest?.purpose);
    this.#adopted = new Map();
  }

  /** Also the enumerators must be there: their states are a part of every checkpoint. */
  #runIfReady(): void {
    if (!this.#isReady()) return;
    this.checkpoints.running();
    this.suspension.onRunning();
    this.#options.onSlotsWanted();
  }

  #isReady(): boolean {
    return this.#allRunning && this.#options.sources.started && !this.#isEnding;
  }

  #attempts(): DeployedAttempt[] {
    const executions = this.#options.master.graph?.executions() ?? [];
    const parallelism = (vertexId: string) =>
      this.#options.master.graph?.ofVertex(vertexId).length ?? 0;
    return executions
      .filter(({ state }) => !isEnded(state))
      .map(({ attemptId, vertex, subtask }) => {
        const [head] = vertex.operators;
        return {
          attemptId,
          vertexId: vertex.id,
          subtask,
          parallelism: parallelism(vertex.id),
          isSource: head !== undefined && isSource(head),
        };
      });
  }

  #snapshottedSources(): ReturnType<CheckpointedJob['sources']> {
    const { sources, dispatch } = this.#options;
    return sources.all.map((source) => ({
      operatorId: source.operatorId,
      snapshotState: (checkpointId) => source.snapshotState(checkpointId),
      checkpointComplete: (checkpointId) => {
        source.checkpointComplete(checkpointId);
        dispatch({ kind: 'checkpoint-completed' });
      },
      checkpointAborted: () => source.checkpointAborted(),
    }));
  }
}
