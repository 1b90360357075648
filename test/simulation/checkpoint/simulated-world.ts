import type { JobManagerMessage, TaskManagerMessage } from '../../../shared/rpc/messages.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import type { Faults, SimulatedOutput, SimulatedStorage } from './simulated-storage.ts';
import type { SimulatedTask } from './simulated-task.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** Bugs that the world can plant around the real code, to show that the simulation finds them. */
export const MUTATIONS = [
  /** Sinks are told to commit before `_metadata` is written. */
  'commit-before-metadata',
  /** A task takes its snapshot at the first barrier and does not block that channel. */
  'barrier-without-alignment',
  /** Committing again is not recognised as such. */
  'double-commit',
  /** A decline never reaches the coordinator. */
  'lost-decline',
  /** The acknowledgement of an earlier checkpoint counts for the one under way. */
  'late-acknowledgement-accepted',
  /** A checkpoint completes without waiting for one of the tasks. */
  'missing-acknowledgement',
  /** Sinks commit also what belongs to an aborted checkpoint. */
  'commit-on-abort',
  /** A restart does not wait until the checkpoint that is being stored is settled. */
  'restart-unsettled',
  /** A new job manager goes on from the checkpoint before the latest. */
  'stale-recovery',
  /** Tasks go on from the sources' positions as they are, not as they were. */
  'state-not-restored',
  /** A new job manager counts on from the latest registered checkpoint. */
  'reused-checkpoint-ids',
] as const;

export type Mutation = (typeof MUTATIONS)[number];

export type CommitPoint =
  | 'metadata-asked'
  | 'metadata-written'
  | 'register-asked'
  | 'registered'
  | 'completing';

/** What the simulated parts know of each other. */
export interface SimulatedWorld {
  readonly time: SimulatedTime;
  readonly random: SeededRandom;
  readonly faults: Faults;
  readonly storage: SimulatedStorage;
  readonly output: SimulatedOutput;
  readonly mutation: Mutation | null;
  /** The job manager may die just here. */
  at(point: CommitPoint, checkpointId: number): void;
  toJobManager(task: SimulatedTask, message: TaskManagerMessage): void;
  toTask(task: SimulatedTask, message: JobManagerMessage): void;
  /** A new job manager took over running tasks. */
  adopted(): void;
  rescaled(): void;
  /** SAFETY is violated. */
  fail(error: unknown): void;
}
