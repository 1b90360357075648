/** Jobs as the job manager tells them, for tests of what is printed about them. */
import type { JobDetail, JobProgress } from '../../../shared/rest/rest-types.ts';

export type JobNumbers = Partial<Omit<JobDetail, 'progress'>> & {
  readonly progress?: Partial<JobProgress>;
};

export function jobDetail({ progress, ...more }: JobNumbers = {}): JobDetail {
  return {
    id: '3f2a5c11d0e94b7a',
    name: 'traffic-lights',
    state: 'RUNNING',
    submittedAt: '2026-01-02T03:04:05.000Z',
    endedAt: null,
    durationMs: 12_345,
    tasks: { RUNNING: 1 },
    bounded: true,
    failure: null,
    restarts: 0,
    rescales: 0,
    lastRescale: null,
    exceptions: [],
    checkpoints: null,
    vertices: [],
    ...more,
    progress: {
      recordsRead: 0,
      recordsDone: 0,
      recordsTotal: 0,
      recordsWritten: {},
      recordsRejected: 0,
      splitsDiscovered: 0,
      discoveryComplete: false,
      recordsPerSecond: 0,
      latencyP50Ms: 0,
      latencyP99Ms: 0,
      activeMs: 0,
      ...progress,
    },
  };
}
