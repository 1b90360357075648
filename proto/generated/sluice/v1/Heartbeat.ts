// Original file: proto/sluice/v1/task_manager.proto

import type { SubtaskMetrics as _sluice_v1_SubtaskMetrics, SubtaskMetrics__Output as _sluice_v1_SubtaskMetrics__Output } from '../../sluice/v1/SubtaskMetrics.ts';
import type { ProcessMetrics as _sluice_v1_ProcessMetrics, ProcessMetrics__Output as _sluice_v1_ProcessMetrics__Output } from '../../sluice/v1/ProcessMetrics.ts';

export interface Heartbeat {
  'sentAtMs'?: (number | string);
  'subtasks'?: (_sluice_v1_SubtaskMetrics)[];
  'process'?: (_sluice_v1_ProcessMetrics | null);
}

export interface Heartbeat__Output {
  'sentAtMs': (number);
  'subtasks': (_sluice_v1_SubtaskMetrics__Output)[];
  'process': (_sluice_v1_ProcessMetrics__Output | null);
}
