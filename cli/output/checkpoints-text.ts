import { checkpointText } from '../../shared/job-graph/recovery-text.ts';
import type {
  CheckpointCounts,
  CheckpointInfo,
  JobCheckpointsDetail,
} from '../../shared/rest/rest-types.ts';
import { formatBytes, formatCount, formatDuration } from './format.ts';
import { table } from './table.ts';

/** The settings, the counts, and the last checkpoints as a table, newest first. */
export function checkpointsText(detail: JobCheckpointsDetail): string {
  const { settings, counts, inProgress, history } = detail;
  if (settings === null) {
    return 'none are taken: the job manager has no --storage, or the pipeline says checkpoints: off';
  }
  const head = `${checkpointText(settings)}\n${countsText(counts)}`;
  const rows = inProgress === null ? history : [inProgress, ...history];
  return rows.length === 0 ? head : `${head}\n\n${historyTable(rows)}`;
}

/** `14 completed, 1 failed` */
export function countsText({ completed, failed, inProgress }: CheckpointCounts): string {
  const parts = [`${formatCount(completed)} completed`];
  if (failed > 0) parts.push(`${formatCount(failed)} failed`);
  if (inProgress > 0) parts.push(`${formatCount(inProgress)} in progress`);
  return parts.join(', ');
}

export function historyTable(rows: readonly CheckpointInfo[]): string {
  return table(
    [
      { title: 'id', align: 'right' },
      { title: 'purpose' },
      { title: 'status' },
      { title: 'triggered' },
      { title: 'duration', align: 'right' },
      { title: 'bytes', align: 'right' },
      { title: 'folder, or why not' },
    ],
    rows.map((info) => [
      String(info.id),
      info.purpose,
      info.status.toLowerCase().replaceAll('_', ' '),
      info.triggeredAt,
      formatDuration(info.durationMs),
      formatBytes(info.bytes),
      info.failure === null ? (info.path ?? '') : `${info.failure.reason}: ${info.failure.message}`,
    ]),
  );
}
