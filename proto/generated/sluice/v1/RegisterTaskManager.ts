// Original file: proto/sluice/v1/task_manager.proto

import type { SlotProfile as _sluice_v1_SlotProfile, SlotProfile__Output as _sluice_v1_SlotProfile__Output } from '../../sluice/v1/SlotProfile.ts';

/**
 * The first message of a stream; anything else before it closes the stream.
 */
export interface RegisterTaskManager {
  'taskManagerId'?: (string);
  'version'?: (string);
  'dataHost'?: (string);
  'dataPort'?: (number);
  'metricsAddress'?: (string);
  'slots'?: (_sluice_v1_SlotProfile)[];
  'labels'?: ({[key: string]: string});
  'executors'?: (number);
  /**
   * Attempts that still run here, after a lost connection.
   */
  'runningAttemptIds'?: (string)[];
  'hostName'?: (string);
  'processId'?: (number);
  'cpuCores'?: (number | string);
  'memoryBytes'?: (number | string);
  /**
   * An array of ReportedAttempts of shared/rpc as JSON.
   */
  'attemptsJson'?: (Buffer | Uint8Array | string);
  /**
   * It was asked to drain, by whichever job manager.
   */
  'draining'?: (boolean);
}

/**
 * The first message of a stream; anything else before it closes the stream.
 */
export interface RegisterTaskManager__Output {
  'taskManagerId': (string);
  'version': (string);
  'dataHost': (string);
  'dataPort': (number);
  'metricsAddress': (string);
  'slots': (_sluice_v1_SlotProfile__Output)[];
  'labels': ({[key: string]: string});
  'executors': (number);
  /**
   * Attempts that still run here, after a lost connection.
   */
  'runningAttemptIds': (string)[];
  'hostName': (string);
  'processId': (number);
  'cpuCores': (number);
  'memoryBytes': (number);
  /**
   * An array of ReportedAttempts of shared/rpc as JSON.
   */
  'attemptsJson': (Buffer);
  /**
   * It was asked to drain, by whichever job manager.
   */
  'draining': (boolean);
}
