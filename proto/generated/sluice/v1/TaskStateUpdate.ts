// Original file: proto/sluice/v1/task_manager.proto

import type { ErrorInfo as _sluice_v1_ErrorInfo, ErrorInfo__Output as _sluice_v1_ErrorInfo__Output } from '../../sluice/v1/ErrorInfo.ts';
import type { SubtaskMetrics as _sluice_v1_SubtaskMetrics, SubtaskMetrics__Output as _sluice_v1_SubtaskMetrics__Output } from '../../sluice/v1/SubtaskMetrics.ts';

export interface TaskStateUpdate {
  'attemptId'?: (string);
  /**
   * An ExecutionState: INITIALIZING, RUNNING, FINISHED, CANCELED, FAILED.
   */
  'state'?: (string);
  /**
   * Only with FAILED.
   */
  'error'?: (_sluice_v1_ErrorInfo | null);
  /**
   * Final totals, with FINISHED, CANCELED and FAILED.
   */
  'metrics'?: (_sluice_v1_SubtaskMetrics | null);
}

export interface TaskStateUpdate__Output {
  'attemptId': (string);
  /**
   * An ExecutionState: INITIALIZING, RUNNING, FINISHED, CANCELED, FAILED.
   */
  'state': (string);
  /**
   * Only with FAILED.
   */
  'error': (_sluice_v1_ErrorInfo__Output | null);
  /**
   * Final totals, with FINISHED, CANCELED and FAILED.
   */
  'metrics': (_sluice_v1_SubtaskMetrics__Output | null);
}
