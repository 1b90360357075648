// Original file: proto/sluice/v1/task_manager.proto

import type { RegisterTaskManager as _sluice_v1_RegisterTaskManager, RegisterTaskManager__Output as _sluice_v1_RegisterTaskManager__Output } from '../../sluice/v1/RegisterTaskManager.ts';
import type { Heartbeat as _sluice_v1_Heartbeat, Heartbeat__Output as _sluice_v1_Heartbeat__Output } from '../../sluice/v1/Heartbeat.ts';
import type { TaskStateUpdate as _sluice_v1_TaskStateUpdate, TaskStateUpdate__Output as _sluice_v1_TaskStateUpdate__Output } from '../../sluice/v1/TaskStateUpdate.ts';
import type { SplitRequest as _sluice_v1_SplitRequest, SplitRequest__Output as _sluice_v1_SplitRequest__Output } from '../../sluice/v1/SplitRequest.ts';
import type { TaskManagerLeaving as _sluice_v1_TaskManagerLeaving, TaskManagerLeaving__Output as _sluice_v1_TaskManagerLeaving__Output } from '../../sluice/v1/TaskManagerLeaving.ts';

/**
 * What a task manager says.
 */
export interface TaskManagerMessage {
  'register'?: (_sluice_v1_RegisterTaskManager | null);
  'heartbeat'?: (_sluice_v1_Heartbeat | null);
  'taskState'?: (_sluice_v1_TaskStateUpdate | null);
  'splitRequest'?: (_sluice_v1_SplitRequest | null);
  'leaving'?: (_sluice_v1_TaskManagerLeaving | null);
  'message'?: "register"|"heartbeat"|"taskState"|"splitRequest"|"leaving";
}

/**
 * What a task manager says.
 */
export interface TaskManagerMessage__Output {
  'register'?: (_sluice_v1_RegisterTaskManager__Output | null);
  'heartbeat'?: (_sluice_v1_Heartbeat__Output | null);
  'taskState'?: (_sluice_v1_TaskStateUpdate__Output | null);
  'splitRequest'?: (_sluice_v1_SplitRequest__Output | null);
  'leaving'?: (_sluice_v1_TaskManagerLeaving__Output | null);
  'message'?: "register"|"heartbeat"|"taskState"|"splitRequest"|"leaving";
}
