import { styleText } from 'node:util';
import type { JobDetail } from '../../shared/rest/rest-types.ts';
import { formatCount, formatDuration, formatRate } from './format.ts';
import { errorText } from './print-error.ts';

/** The last words about a job: what was done, how fast, and what was refused. */
export function jobSummary(job: JobDetail): string {
  return job.failure === null ? statistics(job) : `${statistics(job)}\n\n${failureText(job)}`;
}

/** Without the cause of a failure, for those who have more to say before it. */
export function statistics(job: JobDetail): string {
  const { progress } = job;
  const done = progress.recordsDone;
  if (done === 0 && job.failure !== null) return title(job);
  if (job.waitingReason !== undefined) return `${title(job)}\n${row('because', job.waitingReason)}`;
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
  );
  return lines.join('\n');
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
  const { failure } = job;
  if (failure === null) return '';
  const vertex = job.vertices.find((candidate) => candidate.id === failure.vertexId);
  const places: string[] = [];
  if (vertex !== undefined) {
    const subtask =
      failure.subtask === null ? '' : ` (${failure.subtask + 1}/${vertex.parallelism})`;
    places.push(`task ${vertex.name}${subtask}`);
  }
  if (failure.taskManagerId !== null) places.push(`on task manager ${failure.taskManagerId}`);
  const place = places.length === 0 ? '' : `  in ${places.join(' ')}\n`;
  return `${place}${errorText(failure.error)}`;
}
