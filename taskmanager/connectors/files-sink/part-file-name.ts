/**
 * The names of part files. Several subtasks, sinks, jobs and attempts write into one folder at a
 * time and after each other; each name says who wrote it:
 *
 *   part-<operator>-<subtask>-<job>-<attempt>-<n>.jsonl
 *
 * Given a job's id, everything in it is deterministic, and no other job or attempt makes the same.
 */
export interface PartFileOwner {
  /** `part` for results, `rejected` for dead letters. */
  readonly prefix: string;
  readonly operatorId: string;
  readonly subtaskIndex: number;
  readonly jobId: string;
  readonly attempt: number;
  readonly extension: string;
}

export function partFileName(owner: PartFileOwner, counter: number): string {
  const { prefix, operatorId, subtaskIndex, jobId, attempt, extension } = owner;
  const name = [prefix, plain(operatorId), subtaskIndex, plain(jobId), attempt, counter].join('-');
  return `${name}.${extension}`;
}

function plain(text: string): string {
  return text.replace(/[^A-Za-z0-9_.-]/g, '_');
}
