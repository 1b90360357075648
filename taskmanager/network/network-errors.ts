/** The failures that an exchange can end with, each with its words in one place. Pure. */
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { DataAddress } from '../../shared/job-graph/task-deployment.ts';

export function peerName(address: DataAddress): string {
  return `task manager ${address.taskManagerId} at ${address.host}:${address.port}`;
}

export function connectionClosed(peer: string, cause: Error | null): SluiceError {
  const why = cause === null ? '' : `: ${cause.message}`;
  return new SluiceError('NETWORK_CLOSED', `the connection to ${peer} is lost${why}`, {
    domain: 'external',
    retry: 'restart-job',
    context: { peer },
    ...(cause === null ? {} : { cause }),
  });
}

export function connectionFailed(peer: string, cause: Error | null): SluiceError {
  const why = cause === null ? 'it closed the connection' : cause.message;
  return new SluiceError('NETWORK_UNREACHABLE', `cannot connect to ${peer}: ${why}`, {
    domain: 'external',
    retry: 'restart-job',
    context: { peer },
    ...(cause === null ? {} : { cause }),
  });
}

export function peerSilent(peer: string, silentMs: number): SluiceError {
  return new SluiceError('TASK_MANAGER_LOST', `${peer} has been silent for ${silentMs} ms`, {
    domain: 'external',
    retry: 'restart-job',
    context: { peer },
  });
}

export function wrongPeer(peer: string, found: string): SluiceError {
  return new SluiceError(
    'TASK_MANAGER_LOST',
    `${peer} is gone; task manager ${found} is there now`,
    {
      domain: 'external',
      retry: 'restart-job',
      context: { peer, found },
    },
  );
}

export function tooManyConnections(peer: string, connectionsMax: number): SluiceError {
  return new SluiceError(
    'RESOURCE_UNAVAILABLE',
    `no connection to ${peer}: ${connectionsMax} open`,
    {
      domain: 'external',
      retry: 'backoff',
      context: { peer, connectionsMax },
    },
  );
}

export function partitionNotFound(partitionId: string, waitedMs: number): SluiceError {
  return new SluiceError(
    'NETWORK_TIMEOUT',
    `result partition ${partitionId} did not appear within ${waitedMs} ms`,
    { domain: 'internal', retry: 'restart-job', context: { partitionId } },
  );
}

export function requestRefused(partitionId: string, why: string): SluiceError {
  return new SluiceError('PROTOCOL_VIOLATION', `request for ${partitionId} refused: ${why}`, {
    domain: 'internal',
    retry: 'restart-job',
    context: { partitionId },
  });
}

/** Follows from another failure or a cancellation, never the cause of one. */
export function producerEnded(partitionId: string): SluiceError {
  return new SluiceError(
    'CANCELLED',
    `the producer of ${partitionId} ended before its output did`,
    {
      domain: 'internal',
      retry: 'restart-job',
      context: { partitionId },
    },
  );
}

/** Follows from another failure or a cancellation, never the cause of one. */
export function consumerEnded(partitionId: string, subpartition: number): SluiceError {
  return new SluiceError(
    'CANCELLED',
    `the consumer of ${partitionId}, subpartition ${subpartition}, ended before its input did`,
    { domain: 'internal', retry: 'restart-job', context: { partitionId, subpartition } },
  );
}

export function recordTooLarge(bytes: number, bytesMax: number): SluiceError {
  return new SluiceError(
    'MESSAGE_TOO_LARGE',
    `a record of ${bytes} bytes cannot be sent to another task (at most ${bytesMax})`,
    { domain: 'user', context: { bytes, bytesMax } },
  );
}

export function channelViolation(partitionId: string, what: string): SluiceError {
  return new SluiceError('PROTOCOL_VIOLATION', `the producer of ${partitionId} ${what}`, {
    domain: 'external',
    retry: 'restart-job',
    context: { partitionId },
  });
}
