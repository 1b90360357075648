import {
  CHECKPOINT_FAILURE_REASONS,
  type CheckpointFailureReason,
} from '../../shared/checkpoint/checkpoint-failure-reason.ts';
import {
  deserializeError,
  type SerializedError,
  SluiceError,
} from '../../shared/errors/sluice-error.ts';

/** The errors of checkpoints, made in one place. Pure. */
export function checkpointFailed(
  reason: CheckpointFailureReason,
  error: SerializedError | null,
): SluiceError {
  const message = `The savepoint failed: ${CHECKPOINT_FAILURE_REASONS[reason]}.`;
  return failed(message, { reason }, error);
}

export function tooManyFailures(failures: {
  readonly failures: number;
  readonly reason: CheckpointFailureReason;
  readonly error: SerializedError | null;
}): SluiceError {
  const { reason, error } = failures;
  const message =
    `${failures.failures} checkpoints in a row failed, the last one because ` +
    `${CHECKPOINT_FAILURE_REASONS[reason]}.`;
  return failed(message, { reason, failures: failures.failures }, error);
}

export function savepointRefused(
  reason: 'EXPIRED' | 'INTERRUPTED' | 'JOB_ENDING' | 'QUEUE_FULL',
): SluiceError {
  switch (reason) {
    case 'INTERRUPTED':
      return failed('The checkpoint failed: a task of the job ended meanwhile.', { reason }, null);
    case 'EXPIRED':
      return failed('The savepoint failed: the job did not run in time.', { reason }, null);
    case 'JOB_ENDING':
      return new SluiceError('JOB_STATE', 'The job is ending: no savepoint can be taken.', {
        domain: 'user',
      });
    case 'QUEUE_FULL':
      return new SluiceError('RESOURCE_UNAVAILABLE', 'Too many savepoints wait already.', {
        domain: 'user',
        retry: 'backoff',
      });
    default:
      return reason satisfies never;
  }
}

/** Another job manager leads: what registering a checkpoint ended with. */
export class DeposedError extends Error {
  override readonly name = 'DeposedError';

  constructor(cause: unknown) {
    super('another job manager leads', { cause });
  }
}

export function isDeposed(error: unknown): boolean {
  if (!(error instanceof SluiceError)) return false;
  const code: string = error.code;
  return code === 'PRECONDITION_FAILED' || code === 'LEADERSHIP_LOST';
}

function failed(
  message: string,
  context: Readonly<Record<string, string | number>>,
  error: SerializedError | null,
): SluiceError {
  return new SluiceError('CHECKPOINT_FAILED', message, {
    domain: 'external',
    retry: 'restart-job',
    context,
    ...(error === null ? {} : { cause: deserializeError(error) }),
  });
}
