import { isDeepStrictEqual } from 'node:util';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';

interface UnfinishedJob {
  readonly jobId: string;
  readonly jobGraph: JobGraph;
}

/**
 * For a job manager that is to run this job and no other: the unfinished job of this very graph, which
 * goes on by itself; null where none is unfinished. Throws JOB_STATE where another one is: two
 * pipelines beside each other, or one twice, is not what was asked for. Pure.
 */
export function resumableJob(
  jobGraph: JobGraph,
  unfinished: Iterable<UnfinishedJob>,
): string | null {
  const wanted = asStored(jobGraph);
  let found: string | null = null;
  for (const job of unfinished) {
    if (found !== null || !isDeepStrictEqual(asStored(job.jobGraph), wanted)) {
      throw unfinishedJob(job);
    }
    found = job.jobId;
  }
  return found;
}

/** A graph that comes from a record has been JSON. */
function asStored(jobGraph: JobGraph): unknown {
  return JSON.parse(JSON.stringify(jobGraph));
}

function unfinishedJob({ jobId, jobGraph }: UnfinishedJob): SluiceError {
  const message =
    `the storage holds an unfinished job, ${jobId} (${jobGraph.name}), ` +
    'of another pipeline or of other parameters';
  return new SluiceError('JOB_STATE', message, {
    domain: 'user',
    context: { job: jobId },
    hint: 'run that pipeline as it was to go on with it, or name another storage',
  });
}
