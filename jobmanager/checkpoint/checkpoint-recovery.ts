import { CheckpointPaths } from '../../shared/checkpoint/checkpoint-paths.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { RecoveryBase, RecoveryBases } from '../job-master/checkpoint-port.ts';
import { assertRestorable } from './assign-state.ts';
import { CheckpointStorage, type FileSystems } from './checkpoint-storage.ts';
import {
  type CheckpointRegistry,
  type CompletedCheckpoint,
  InMemoryCheckpointRegistry,
  registered,
} from './completed-checkpoint.ts';
import { JobCheckpoints } from './job-checkpoints.ts';

export interface CheckpointRecoveryOptions {
  readonly fileSystems: FileSystems;
  /** The job manager's storage, an absolute URI. */
  readonly storage: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: what a job manager without a successor needs. */
  readonly registryOf?: (jobId: string) => CheckpointRegistry;
}

/** Gives every job its checkpoints, in one storage. */
export class CheckpointRecovery implements RecoveryBases {
  readonly storage: CheckpointStorage;
  readonly #options: CheckpointRecoveryOptions;

  /** Throws ARGUMENT_INVALID where nothing can be stored there. */
  constructor(options: CheckpointRecoveryOptions) {
    this.#options = options;
    this.storage = new CheckpointStorage(options.fileSystems, new CheckpointPaths(options.storage));
    this.storage.checkLocation(options.storage);
  }

  fresh(jobId: string): RecoveryBase {
    return this.recovered(jobId, []);
  }

  async restored(job: {
    readonly jobId: string;
    readonly jobGraph: JobGraph;
    readonly from: string;
    readonly allowDroppedState: boolean;
  }): Promise<RecoveryBase> {
    const checkpoint = await this.storage.readCheckpoint(job.from);
    assertRestorable(checkpoint.metadata, job.jobGraph, job);
    // Whatever it was to the job that took it: this one must never remove it.
    return this.recovered(job.jobId, [{ ...checkpoint, purpose: 'savepoint' }]);
  }

  /**
   * For a job that goes on from these, oldest first. `firstCheckpointId`: where another job manager had
   * the job before, `firstCheckpointIdAfterTakeover`; default: the one after the latest.
   */
  recovered(
    jobId: string,
    retained: readonly CompletedCheckpoint[],
    firstCheckpointId?: number,
  ): RecoveryBase {
    const { clock, logger, registryOf } = this.#options;
    const { storage } = this;
    const registry = registryOf?.(jobId) ?? new InMemoryCheckpointRegistry();
    return {
      directory: storage.paths.checkpoints(jobId),
      retained: retained.map(registered),
      open: (job) =>
        new JobCheckpoints({
          ...job,
          storage,
          registry,
          clock,
          logger,
          retained,
          ...(firstCheckpointId === undefined ? {} : { firstCheckpointId }),
        }),
    };
  }
}
