// Original file: proto/sluice/v1/task_manager.proto

import type { OperatorMetrics as _sluice_v1_OperatorMetrics, OperatorMetrics__Output as _sluice_v1_OperatorMetrics__Output } from '../../sluice/v1/OperatorMetrics.ts';

/**
 * Running totals of one attempt since its start.
 */
export interface SubtaskMetrics {
  'attemptId'?: (string);
  'recordsIn'?: (number | string);
  'recordsOut'?: (number | string);
  'bytesIn'?: (number | string);
  'bytesOut'?: (number | string);
  'recordsRejected'?: (number | string);
  'busyMs'?: (number | string);
  'idleMs'?: (number | string);
  'backPressuredMs'?: (number | string);
  'buffersInQueued'?: (number);
  'buffersOutQueued'?: (number);
  'operators'?: (_sluice_v1_OperatorMetrics)[];
  /**
   * Milliseconds since the epoch; 0 before the first record.
   */
  'firstRecordAtMs'?: (number | string);
  'lastRecordAtMs'?: (number | string);
  /**
   * Buffers that its producers may still send to it, and that it may send at once.
   */
  'creditsIn'?: (number);
  'creditsOut'?: (number);
}

/**
 * Running totals of one attempt since its start.
 */
export interface SubtaskMetrics__Output {
  'attemptId': (string);
  'recordsIn': (number);
  'recordsOut': (number);
  'bytesIn': (number);
  'bytesOut': (number);
  'recordsRejected': (number);
  'busyMs': (number);
  'idleMs': (number);
  'backPressuredMs': (number);
  'buffersInQueued': (number);
  'buffersOutQueued': (number);
  'operators': (_sluice_v1_OperatorMetrics__Output)[];
  /**
   * Milliseconds since the epoch; 0 before the first record.
   */
  'firstRecordAtMs': (number);
  'lastRecordAtMs': (number);
  /**
   * Buffers that its producers may still send to it, and that it may send at once.
   */
  'creditsIn': (number);
  'creditsOut': (number);
}
