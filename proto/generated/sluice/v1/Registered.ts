// Original file: proto/sluice/v1/job_manager.proto

import type { ErrorInfo as _sluice_v1_ErrorInfo, ErrorInfo__Output as _sluice_v1_ErrorInfo__Output } from '../../sluice/v1/ErrorInfo.ts';

/**
 * The answer to RegisterTaskManager.
 */
export interface Registered {
  'jobManagerId'?: (string);
  'heartbeatIntervalMs'?: (number);
  'heartbeatTimeoutMs'?: (number);
  /**
   * Set where the registration is refused (another version, say); the stream ends after it.
   */
  'refused'?: (_sluice_v1_ErrorInfo | null);
  /**
   * The leader's fencing token; one with a lower epoch than was seen before is not obeyed.
   */
  'epoch'?: (number | string);
}

/**
 * The answer to RegisterTaskManager.
 */
export interface Registered__Output {
  'jobManagerId': (string);
  'heartbeatIntervalMs': (number);
  'heartbeatTimeoutMs': (number);
  /**
   * Set where the registration is refused (another version, say); the stream ends after it.
   */
  'refused': (_sluice_v1_ErrorInfo__Output | null);
  /**
   * The leader's fencing token; one with a lower epoch than was seen before is not obeyed.
   */
  'epoch': (number);
}
