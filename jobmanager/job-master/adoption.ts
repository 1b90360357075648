import type { ReportedAttempt } from '../../shared/rpc/messages.ts';
import type { SchedulePlan } from '../scheduler/scheduler.ts';

/** What a new leader found of a job that ran before it led: its tasks go on. */
export interface Adoption {
  /** Where its subtasks run, or ran. */
  readonly plan: SchedulePlan;
  /** By `<vertex>/<subtask>`: the number of the current attempt. */
  readonly attempts: ReadonlyMap<string, number>;
  /** By attempt id. What is missing here is lost. */
  readonly reports: ReadonlyMap<string, ReportedAttempt>;
  /** `stop` was asked for before. */
  readonly stopping: boolean;
}

/** A reader that goes on, as its source's coordinator must know it. */
export interface AdoptedReader {
  readonly attemptId: string;
  /** Assigned since the checkpoint that the enumerator goes on from. */
  readonly splits: readonly unknown[];
  /** Asked for, and not got. */
  readonly splitsWanted: number;
}

/**
 * The readers among the reported attempts. `latestCheckpointId`: what came before its trigger is in its
 * enumerator's state already; 0: there is no checkpoint.
 */
export function adoptedReaders(
  reports: ReadonlyMap<string, ReportedAttempt>,
  latestCheckpointId: number,
): AdoptedReader[] {
  return [...reports.values()].flatMap(({ attemptId, source }) => {
    if (source === null) return [];
    const splits = (source.splits ?? [])
      .filter(({ beforeCheckpoint: id }) => id === null || id > latestCheckpointId)
      .flatMap((epoch) => epoch.splits);
    return [{ attemptId, splits, splitsWanted: source.splitsWanted }];
  });
}
