// Original file: proto/sluice/v1/task_manager.proto

import type { ErrorInfo as _sluice_v1_ErrorInfo, ErrorInfo__Output as _sluice_v1_ErrorInfo__Output } from '../../sluice/v1/ErrorInfo.ts';

export interface DeclineCheckpoint {
  'attemptId'?: (string);
  'checkpointId'?: (number | string);
  /**
   * A CheckpointDeclineReason.
   */
  'reason'?: (string);
  'error'?: (_sluice_v1_ErrorInfo | null);
}

export interface DeclineCheckpoint__Output {
  'attemptId': (string);
  'checkpointId': (number);
  /**
   * A CheckpointDeclineReason.
   */
  'reason': (string);
  'error': (_sluice_v1_ErrorInfo__Output | null);
}
