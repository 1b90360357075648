// Original file: proto/sluice/v1/task_manager.proto

import type { RegisterTaskManager as _sluice_v1_RegisterTaskManager, RegisterTaskManager__Output as _sluice_v1_RegisterTaskManager__Output } from '../../sluice/v1/RegisterTaskManager.ts';
import type { Heartbeat as _sluice_v1_Heartbeat, Heartbeat__Output as _sluice_v1_Heartbeat__Output } from '../../sluice/v1/Heartbeat.ts';
import type { TaskStateUpdate as _sluice_v1_TaskStateUpdate, TaskStateUpdate__Output as _sluice_v1_TaskStateUpdate__Output } from '../../sluice/v1/TaskStateUpdate.ts';
import type { SplitRequest as _sluice_v1_SplitRequest, SplitRequest__Output as _sluice_v1_SplitRequest__Output } from '../../sluice/v1/SplitRequest.ts';
import type { TaskManagerLeaving as _sluice_v1_TaskManagerLeaving, TaskManagerLeaving__Output as _sluice_v1_TaskManagerLeaving__Output } from '../../sluice/v1/TaskManagerLeaving.ts';
import type { AcknowledgeCheckpoint as _sluice_v1_AcknowledgeCheckpoint, AcknowledgeCheckpoint__Output as _sluice_v1_AcknowledgeCheckpoint__Output } from '../../sluice/v1/AcknowledgeCheckpoint.ts';
import type { DeclineCheckpoint as _sluice_v1_DeclineCheckpoint, DeclineCheckpoint__Output as _sluice_v1_DeclineCheckpoint__Output } from '../../sluice/v1/DeclineCheckpoint.ts';
import type { SourceDrained as _sluice_v1_SourceDrained, SourceDrained__Output as _sluice_v1_SourceDrained__Output } from '../../sluice/v1/SourceDrained.ts';
import type { DrainTaskManager as _sluice_v1_DrainTaskManager, DrainTaskManager__Output as _sluice_v1_DrainTaskManager__Output } from '../../sluice/v1/DrainTaskManager.ts';
import type { LogPart as _sluice_v1_LogPart, LogPart__Output as _sluice_v1_LogPart__Output } from '../../sluice/v1/LogPart.ts';

/**
 * What a task manager says.
 */
export interface TaskManagerMessage {
  'register'?: (_sluice_v1_RegisterTaskManager | null);
  'heartbeat'?: (_sluice_v1_Heartbeat | null);
  'taskState'?: (_sluice_v1_TaskStateUpdate | null);
  'splitRequest'?: (_sluice_v1_SplitRequest | null);
  'leaving'?: (_sluice_v1_TaskManagerLeaving | null);
  'acknowledgeCheckpoint'?: (_sluice_v1_AcknowledgeCheckpoint | null);
  'declineCheckpoint'?: (_sluice_v1_DeclineCheckpoint | null);
  'sourceDrained'?: (_sluice_v1_SourceDrained | null);
  'drain'?: (_sluice_v1_DrainTaskManager | null);
  'logPart'?: (_sluice_v1_LogPart | null);
  'message'?: "register"|"heartbeat"|"taskState"|"splitRequest"|"leaving"|"acknowledgeCheckpoint"|"declineCheckpoint"|"sourceDrained"|"drain"|"logPart";
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
  'acknowledgeCheckpoint'?: (_sluice_v1_AcknowledgeCheckpoint__Output | null);
  'declineCheckpoint'?: (_sluice_v1_DeclineCheckpoint__Output | null);
  'sourceDrained'?: (_sluice_v1_SourceDrained__Output | null);
  'drain'?: (_sluice_v1_DrainTaskManager__Output | null);
  'logPart'?: (_sluice_v1_LogPart__Output | null);
  'message'?: "register"|"heartbeat"|"taskState"|"splitRequest"|"leaving"|"acknowledgeCheckpoint"|"declineCheckpoint"|"sourceDrained"|"drain"|"logPart";
}
