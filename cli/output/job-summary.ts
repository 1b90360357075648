import { styleText } from 'node:util';
import type { JobDetail, JobFailure } from '../../shared/rest/rest-types.ts';
import { countsText } from './checkpoints-text.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from './format.ts';
import { errorText } from './print-error.ts';

/** The last words about a job: what was done, how fast, and what was refused. */
export function jobSummary(job: JobDetail): string {
  return job.failure === null ? statistics(job) : `${statistics(job)}\n\n${failureText(job)}`;
}

/** Without the cause of a failure, for those who have more to say before it. */
export function statistics(job: JobDetail): string {
  const { progress } = job;
  const done = progress.recordsDone;
  const recovery = recoveryRows(job);
  if (done === 0 && job.failure !== null) return [title(job), ...recovery].join('\n');
  if (job.waitingReason !== undefined) {
    return [title(job), row('because', job.waitingReason), ...recovery].join('\n');
  }
  const rate = progress.activeMs > 0 ? (done / progress.activeMs) * 1000 : 0;
  const lines = [title(job)];
  lines.push(
    row('read', formatCount(progress.recordsRead)),
    row('rejected', formatCount(progress.recordsRejected)),
  );
  for (const [sink, count] of Object.entries(progress.recordsWritten)) {
    lines.push(row(`to ${sink}`, formatCount(count)));
  }
  lines.push(
    row('throughput', `${formatRate(rate)}/s over ${formatDuration(progress.activeMs)}`),
    row(
      'latency',
      `p50 ${formatDuration(progress.latencyP50Ms)}, p99 ${formatDuration(progress.latencyP99Ms)}`,
    ),
    ...recovery,
  );
  return lines.join('\n');
}

/** Nothing where nothing happened: most jobs are never restarted. */
function recoveryRows({ restarts, checkpoints }: JobDetail): readonly string[] {
  const rows: string[] = [];
  if (restarts > 0) rows.push(row('restarts', formatCount(restarts)));
  if (checkpoints !== null) {
    const { counts, latest } = checkpoints;
    const last =
      latest === null
        ? ''
        : `; last: ${latest.id}, ${formatDuration(latest.durationMs)}, ${formatBytes(latest.bytes)}`;
    rows.push(row('checkpoints', countsText(counts) + last));
  }
  return rows;
}

function title(job: JobDetail): string {
  return `${styleText('bold', job.name)} ${stateText(job)} (job ${job.id})`;
}

function row(name: string, value: string): string {
  return `  ${name.padEnd(14)} ${value}`;
}

function stateText(job: JobDetail): string {
  switch (job.state) {
    case 'FINISHED':
      return styleText('green', 'finished');
    case 'FAILED':
      return styleText('red', 'failed');
    case 'CANCELED':
      return styleText('yellow', 'was cancelled');
    default:
      return `is ${job.state.toLowerCase().replaceAll('_', ' ')}`;
  }
}

/** The root cause with its place: task, subtask, task manager. */
export function failureText(job: JobDetail): string {
  return job.failure === null ? '' : placedFailure(job, job.failure);
}

/** The last failure that the job survived; empty where there was none. */
export function lastExceptionText(job: JobDetail): string {
  const [last] = job.exceptions;
  if (last === undefined || job.failure !== null) return '';
  return `${styleText('bold', 'last failure')}, at ${last.at}\n${placedFailure(job, last)}`;
}

function placedFailure(job: JobDetail, failure: JobFailure): string {
  const vertex = job.vertices.find((candidate) => candidate.id === failure.vertexId);
  const places: string[] = [];
  if (vertex !== undefined) {
    const subtask =
      failure.subtask === null ? '' : ` (${failure.subtask + 1}/${vertex.parallelism})`;
    places.push(`in task ${vertex.name}${subtask}`);
  }
  if (failure.taskManagerId !== null) places.push(`on task manager ${failure.taskManagerId}`);
  const place = places.length === 0 ? '' : `  ${places.join(' ')}\n`;
  return `${place}${errorText(failure.error)}`;
}
