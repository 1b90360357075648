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

/** The owners of a job's part files of one operator; null: the name is none of those. */
export function partFileWriter(
  operator: Omit<PartFileOwner, 'subtaskIndex' | 'attempt'>,
  name: string,
): Pick<PartFileOwner, 'subtaskIndex' | 'attempt'> | null {
  const { prefix, operatorId, jobId, extension } = operator;
  const begin = `${prefix}-${plain(operatorId)}-`;
  const end = `.${extension}`;
  if (!name.startsWith(begin) || !name.endsWith(end)) return null;
  const middle = name.slice(begin.length, name.length - end.length);
  const match = /^(\d+)-(.*)-(\d+)-\d+$/.exec(middle);
  if (match === null || match[2] !== plain(jobId)) return null;
  return { subtaskIndex: Number(match[1]), attempt: Number(match[3]) };
}

function plain(text: string): string {
  return text.replace(/[^A-Za-z0-9_.-]/g, '_');
}
