import type { LogPart__Output as LogPartOutput } from '../../proto/generated/sluice/v1/LogPart.ts';
import type {
  RegisterTaskManager as RegisterInfo,
  RegisterTaskManager__Output as RegisterOutput,
} from '../../proto/generated/sluice/v1/RegisterTaskManager.ts';
import type {
  TaskManagerMessage as TaskManagerInfo,
  TaskManagerMessage__Output as TaskManagerOutput,
} from '../../proto/generated/sluice/v1/TaskManagerMessage.ts';
import type { TaskStateUpdate__Output as TaskStateOutput } from '../../proto/generated/sluice/v1/TaskStateUpdate.ts';
import type { CheckpointDeclineReason } from '../checkpoint/checkpoint-failure-reason.ts';
import type { SubtaskSnapshot } from '../checkpoint/snapshot.ts';
import { SluiceError } from '../errors/sluice-error.ts';
import { LOG_BYTES_MAX } from '../rest/rest-limits.ts';
import { decodeError, encodeError } from './error-info.ts';
import type {
  ReportedAttempt,
  ReportedState,
  TaskManagerMessage,
  TaskManagerRegistration,
} from './messages.ts';
import {
  decodeProcessMetrics,
  decodeSubtaskMetrics,
  encodeSubtaskMetrics,
} from './metrics-codec.ts';

const SLOTS_MAX = 1_024;

/** To the wire. */
export function encodeTaskManagerMessage(message: TaskManagerMessage): TaskManagerInfo {
  switch (message.kind) {
    case 'register':
      return { register: encodeRegistration(message.registration) };
    case 'heartbeat':
      return {
        heartbeat: {
          sentAtMs: message.sentAtMs,
          subtasks: message.subtasks.map(encodeSubtaskMetrics),
          process: message.process,
        },
      };
    case 'task-state':
      return {
        taskState: {
          attemptId: message.attemptId,
          state: message.state,
          error: message.error === null ? null : encodeError(message.error),
          metrics: message.metrics === null ? null : encodeSubtaskMetrics(message.metrics),
        },
      };
    case 'split-request':
      return { splitRequest: { attemptId: message.attemptId, count: message.count } };
    case 'acknowledge-checkpoint':
      return {
        acknowledgeCheckpoint: {
          attemptId: message.attemptId,
          checkpointId: message.checkpointId,
          snapshotJson: Buffer.from(JSON.stringify(message.snapshot)),
          ...message.timings,
        },
      };
    case 'decline-checkpoint':
      return {
        declineCheckpoint: {
          attemptId: message.attemptId,
          checkpointId: message.checkpointId,
          reason: message.reason,
          error: encodeError(message.error),
        },
      };
    case 'source-drained':
      return { sourceDrained: { attemptId: message.attemptId } };
    case 'drain':
      return { drain: {} };
    case 'log-part': {
      const { requestId, part } = message;
      return { logPart: { requestId, kept: part !== null, ...part } };
    }
    case 'leaving':
      return { leaving: { reason: message.reason } };
    default:
      return message satisfies never;
  }
}

function encodeRegistration(registration: TaskManagerRegistration): RegisterInfo {
  const { attempts, ...rest } = registration;
  return {
    ...rest,
    slots: [...rest.slots],
    labels: { ...rest.labels },
    runningAttemptIds: [...rest.runningAttemptIds],
    attemptsJson: Buffer.from(JSON.stringify(attempts)),
  };
}

/** From the wire; throws PROTOCOL_VIOLATION for what no task manager of this version says. */
export function decodeTaskManagerMessage(info: TaskManagerOutput): TaskManagerMessage {
  if (info.register != null) {
    return { kind: 'register', registration: decodeRegistration(info.register) };
  }
  if (info.heartbeat != null) {
    return {
      kind: 'heartbeat',
      sentAtMs: info.heartbeat.sentAtMs,
      subtasks: info.heartbeat.subtasks.map(decodeSubtaskMetrics),
      process: decodeProcessMetrics(info.heartbeat.process),
    };
  }
  if (info.taskState != null) return decodeTaskState(info.taskState);
  if (info.splitRequest != null) {
    const { attemptId, count } = info.splitRequest;
    return { kind: 'split-request', attemptId, count };
  }
  const checkpointing = decodeCheckpointMessage(info);
  if (checkpointing !== null) return checkpointing;
  if (info.drain != null) return { kind: 'drain' };
  if (info.logPart != null) return decodeLogPart(info.logPart);
  if (info.leaving != null) return { kind: 'leaving', reason: info.leaving.reason.slice(0, 1_024) };
  throw protocolViolation('the task manager sent a message that this version does not know');
}

function decodeLogPart({ requestId, kept, ...part }: LogPartOutput): TaskManagerMessage {
  if (part.text.length > LOG_BYTES_MAX) {
    throw protocolViolation(`a task manager sent more than ${LOG_BYTES_MAX} bytes of its log`);
  }
  return { kind: 'log-part', requestId, part: kept ? part : null };
}

function decodeRegistration(info: RegisterOutput): TaskManagerRegistration {
  if (info.taskManagerId === '' || info.taskManagerId.length > 256) {
    throw protocolViolation('a task manager registered without an id, or with one too long');
  }
  if (info.slots.length > SLOTS_MAX) {
    throw protocolViolation(`a task manager registered more than ${SLOTS_MAX} slots`);
  }
  const { attemptsJson, ...rest } = info;
  // The other end may be of another version, to be refused: it says nothing about attempts then.
  const attempts = attemptsJson.length === 0 ? [] : decodeJson(attemptsJson);
  if (!Array.isArray(attempts)) throw protocolViolation('attempts come as an array');
  return {
    ...rest,
    attempts: attempts as readonly ReportedAttempt[],
    slots: info.slots.map(({ device }) => {
      if (device === 'cpu' || device === 'gpu') return { device };
      throw protocolViolation(`a slot is for "cpu" or "gpu", not "${device.slice(0, 64)}"`);
    }),
  };
}

const REPORTED_STATES = {
  INITIALIZING: true,
  RUNNING: true,
  FINISHED: true,
  CANCELED: true,
  FAILED: true,
} as const satisfies Record<ReportedState, true>;

function decodeTaskState(info: TaskStateOutput): TaskManagerMessage {
  if (!Object.hasOwn(REPORTED_STATES, info.state)) {
    throw protocolViolation(`no task manager reports the state "${info.state.slice(0, 64)}"`);
  }
  return {
    kind: 'task-state',
    attemptId: info.attemptId,
    state: info.state as ReportedState,
    error: info.error === null ? null : decodeError(info.error),
    metrics: info.metrics === null ? null : decodeSubtaskMetrics(info.metrics),
  };
}

const DECLINE_REASONS = {
  TASK_NOT_RUNNING: true,
  SNAPSHOT_FAILED: true,
  STORAGE_FAILED: true,
} as const satisfies Record<CheckpointDeclineReason, true>;

function decodeCheckpointMessage(info: TaskManagerOutput): TaskManagerMessage | null {
  if (info.acknowledgeCheckpoint != null) {
    const { attemptId, checkpointId, snapshotJson, ...timings } = info.acknowledgeCheckpoint;
    const { alignmentMs, syncMs, asyncMs, bytes } = timings;
    return {
      kind: 'acknowledge-checkpoint',
      attemptId,
      checkpointId,
      // The other end is a task manager of the same version: its JSON has the type it was made from.
      snapshot: decodeJson(snapshotJson) as SubtaskSnapshot,
      timings: { alignmentMs, syncMs, asyncMs, bytes },
    };
  }
  if (info.declineCheckpoint != null) {
    const { attemptId, checkpointId, reason, error } = info.declineCheckpoint;
    if (!Object.hasOwn(DECLINE_REASONS, reason) || error === null) {
      throw protocolViolation(`no task declines for "${reason.slice(0, 64)}"`);
    }
    return {
      kind: 'decline-checkpoint',
      attemptId,
      checkpointId,
      reason: reason as CheckpointDeclineReason,
      error: decodeError(error),
    };
  }
  if (info.sourceDrained != null) {
    return { kind: 'source-drained', attemptId: info.sourceDrained.attemptId };
  }
  return null;
}

function decodeJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw protocolViolation('a task manager sent malformed JSON');
  }
}

function protocolViolation(message: string): SluiceError {
  return new SluiceError('PROTOCOL_VIOLATION', message, { domain: 'external' });
}
