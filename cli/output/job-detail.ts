import { styleText } from 'node:util';
import type { JobDetail, SubtaskDetail, VertexDetail } from '../../shared/rest/rest-types.ts';
import { formatCount, formatDuration, formatRate, formatShare } from './format.ts';
import { jobSummary, lastExceptionText } from './job-summary.ts';
import { table } from './table.ts';

/** Everything about one job: summary, the last failure that it survived, then for each vertex its operators and its subtasks. */
export function jobDetailText(job: JobDetail): string {
  const exception = lastExceptionText(job);
  const parts = [jobSummary(job), ...(exception === '' ? [] : [exception])];
  return [...parts, ...job.vertices.map(vertexText)].join('\n\n');
}

/** Its operators and its subtasks. */
export function vertexText(vertex: VertexDetail): string {
  const title = `${styleText('bold', vertex.name)}  (${vertex.device}, parallelism ${vertex.parallelism})`;
  return [title, indent(operatorsTable(vertex)), indent(subtasksTable(vertex.subtasks))].join('\n');
}

function operatorsTable(vertex: VertexDetail): string {
  return table(
    [
      { title: 'operator' },
      { title: 'kind' },
      { title: 'in', align: 'right' },
      { title: 'out', align: 'right' },
      { title: 'rejected', align: 'right' },
      { title: 'in flight', align: 'right' },
      { title: 'p50', align: 'right' },
      { title: 'p99', align: 'right' },
    ],
    vertex.operators.map((operator) => [
      operator.id,
      operator.kind,
      formatCount(operator.recordsIn),
      formatCount(operator.recordsOut),
      formatCount(operator.recordsRejected),
      formatCount(operator.inFlight),
      formatDuration(operator.latencyP50Ms),
      formatDuration(operator.latencyP99Ms),
    ]),
  );
}

export function subtasksTable(subtasks: readonly SubtaskDetail[]): string {
  return table(
    [
      { title: 'subtask', align: 'right' },
      { title: 'state' },
      { title: 'task manager' },
      { title: 'in', align: 'right' },
      { title: 'out', align: 'right' },
      { title: 'per second', align: 'right' },
      { title: 'busy', align: 'right' },
      { title: 'idle', align: 'right' },
      { title: 'back-pressured', align: 'right' },
      { title: 'queued in/out', align: 'right' },
    ],
    subtasks.map((subtask) => [
      String(subtask.index),
      subtask.state,
      subtask.taskManagerId ?? '-',
      formatCount(subtask.recordsIn),
      formatCount(subtask.recordsOut),
      formatRate(subtask.recordsPerSecond),
      formatShare(subtask.busy),
      formatShare(subtask.idle),
      formatShare(subtask.backPressured),
      `${subtask.buffersInQueued}/${subtask.buffersOutQueued}`,
    ]),
  );
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
