import { SluiceError } from '../../shared/errors/sluice-error.ts';

export function noStorage(consequence: string): SluiceError {
  const message = `the job manager has no storage for checkpoints: ${consequence}`;
  return new SluiceError('JOB_STATE', message, {
    domain: 'user',
    hint: 'start it with --storage',
  });
}

export function noCheckpoints(consequence: string): SluiceError {
  return new SluiceError('JOB_STATE', `the job takes no checkpoints: ${consequence}`, {
    domain: 'user',
    hint: "look at the pipeline's `checkpoints`",
  });
}

export function beingAdopted(jobId: string): SluiceError {
  return new SluiceError('JOB_STATE', `job ${jobId} is being taken over by a new job manager`, {
    domain: 'external',
    retry: 'backoff',
    context: { job: jobId },
    hint: 'try again in a few seconds',
  });
}
