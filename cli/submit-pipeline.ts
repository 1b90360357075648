import type { RestClient } from '../shared/rest/rest-client.ts';
import type { SubmitJobAnswer, SubmitJobRequest } from '../shared/rest/rest-types.ts';
import { PipelineRefused } from './pipeline-refused.ts';

/** Submits; gives the job's id and warnings about the pipeline. Throws PipelineRefused with everything that is wrong. */
export async function submitPipeline(
  client: RestClient,
  request: SubmitJobRequest,
): Promise<SubmitJobAnswer> {
  const outcome = await client.submitJob(request);
  if (outcome.kind === 'rejected') throw new PipelineRefused(outcome.problems);
  const { id, warnings, resumed } = outcome;
  return { id, warnings, resumed };
}
