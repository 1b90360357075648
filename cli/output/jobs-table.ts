import type { JobSummary } from '../../shared/rest/rest-types.ts';
import { formatDuration } from './format.ts';
import { table } from './table.ts';

export function jobsTable(jobs: readonly JobSummary[]): string {
  if (jobs.length === 0) return 'no jobs';
  return table(
    [
      { title: 'id' },
      { title: 'name' },
      { title: 'state' },
      { title: 'submitted' },
      { title: 'duration', align: 'right' },
      { title: 'tasks', align: 'right' },
    ],
    jobs.map((job) => [
      job.id,
      job.name,
      job.state,
      job.submittedAt,
      formatDuration(job.durationMs),
      String(Object.values(job.tasks).reduce((total, count) => total + count, 0)),
    ]),
  );
}
