import type {
  JobManagerMessage as JobManagerInfo,
  JobManagerMessage__Output as JobManagerOutput,
} from '../../proto/generated/sluice/v1/JobManagerMessage.ts';
import { SluiceError } from '../errors/sluice-error.ts';
import type { TaskDeployment } from '../job-graph/task-deployment.ts';
import { LOG_BYTES_MAX } from '../rest/rest-limits.ts';
import { parseEvent } from '../serialization/event-codec.ts';
import { decodeError, encodeError } from './error-info.ts';
import type { JobManagerMessage } from './messages.ts';

/** To the wire. */
export function encodeJobManagerMessage(message: JobManagerMessage): JobManagerInfo {
  switch (message.kind) {
    case 'registered':
      return {
        registered: {
          jobManagerId: message.jobManagerId,
          epoch: message.epoch,
          heartbeatIntervalMs: message.heartbeatIntervalMs,
          heartbeatTimeoutMs: message.heartbeatTimeoutMs,
        },
      };
    case 'refused':
      return { registered: { refused: encodeError(message.error) } };
    case 'deploy-task':
      return {
        deployTask: {
          attemptId: message.deployment.attemptId,
          deploymentJson: encodeJson(message.deployment),
        },
      };
    case 'cancel-task':
      return { cancelTask: { attemptId: message.attemptId } };
    case 'assign-splits':
      return {
        assignSplits: { attemptId: message.attemptId, splitsJson: encodeJson(message.splits) },
      };
    case 'no-more-splits':
      return { noMoreSplits: { attemptId: message.attemptId } };
    case 'trigger-checkpoint': {
      const { attemptId, barrier } = message;
      return { triggerCheckpoint: { attemptId, barrierJson: encodeJson(barrier) } };
    }
    case 'checkpoint-complete': {
      const { attemptId, checkpointId } = message;
      return { checkpointComplete: { attemptId, checkpointId } };
    }
    case 'checkpoint-aborted': {
      const { attemptId, checkpointId } = message;
      return { checkpointAborted: { attemptId, checkpointId } };
    }
    case 'drain-state':
      return { drainState: { drained: message.drained } };
    case 'read-log': {
      const { offset = -1, length, tail = 0 } = message.range;
      return { readLog: { requestId: message.requestId, offset, length, tail } };
    }
    case 'heartbeat-reply':
      return { heartbeatReply: { sentAtMs: message.sentAtMs } };
    default:
      return message satisfies never;
  }
}

/** From the wire; throws PROTOCOL_VIOLATION for what no job manager of this version says. */
export function decodeJobManagerMessage(info: JobManagerOutput): JobManagerMessage {
  if (info.registered != null) {
    const { refused, ...registered } = info.registered;
    if (refused !== null) return { kind: 'refused', error: decodeError(refused) };
    return { kind: 'registered', ...registered };
  }
  if (info.deployTask != null) {
    // The other end is a job manager of the same version: its JSON has the type it was made from.
    const deployment = decodeJson(info.deployTask.deploymentJson) as TaskDeployment;
    return { kind: 'deploy-task', deployment };
  }
  if (info.cancelTask != null) return { kind: 'cancel-task', attemptId: info.cancelTask.attemptId };
  if (info.assignSplits != null) {
    const splits = decodeJson(info.assignSplits.splitsJson);
    if (!Array.isArray(splits)) throw protocolViolation('splits come as an array', undefined);
    return { kind: 'assign-splits', attemptId: info.assignSplits.attemptId, splits };
  }
  if (info.noMoreSplits != null) {
    return { kind: 'no-more-splits', attemptId: info.noMoreSplits.attemptId };
  }
  const checkpointing = decodeCheckpointMessage(info);
  if (checkpointing !== null) return checkpointing;
  if (info.drainState != null) return { kind: 'drain-state', drained: info.drainState.drained };
  if (info.readLog != null) {
    const { requestId, offset, length, tail } = info.readLog;
    const range = {
      length: Math.min(length, LOG_BYTES_MAX),
      ...(offset < 0 ? {} : { offset }),
      ...(tail === 0 ? {} : { tail }),
    };
    return { kind: 'read-log', requestId, range };
  }
  if (info.heartbeatReply != null) {
    return { kind: 'heartbeat-reply', sentAtMs: info.heartbeatReply.sentAtMs };
  }
  throw protocolViolation('the job manager sent a message that is not known here', undefined);
}

function decodeCheckpointMessage(info: JobManagerOutput): JobManagerMessage | null {
  if (info.triggerCheckpoint != null) {
    const { attemptId, barrierJson } = info.triggerCheckpoint;
    const barrier = parseEvent(decodeJson(barrierJson));
    if (barrier?.kind !== 'barrier') throw protocolViolation('that is no barrier', undefined);
    return { kind: 'trigger-checkpoint', attemptId, barrier };
  }
  if (info.checkpointComplete != null) {
    const { attemptId, checkpointId } = info.checkpointComplete;
    return { kind: 'checkpoint-complete', attemptId, checkpointId };
  }
  if (info.checkpointAborted != null) {
    const { attemptId, checkpointId } = info.checkpointAborted;
    return { kind: 'checkpoint-aborted', attemptId, checkpointId };
  }
  return null;
}

function encodeJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

function decodeJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw protocolViolation('the job manager sent malformed JSON', error);
  }
}

function protocolViolation(message: string, cause: unknown): SluiceError {
  return new SluiceError('PROTOCOL_VIOLATION', message, { domain: 'external', cause });
}
