// Original file: proto/sluice/v1/job_manager.proto

import type { Registered as _sluice_v1_Registered, Registered__Output as _sluice_v1_Registered__Output } from '../../sluice/v1/Registered.ts';
import type { DeployTask as _sluice_v1_DeployTask, DeployTask__Output as _sluice_v1_DeployTask__Output } from '../../sluice/v1/DeployTask.ts';
import type { CancelTask as _sluice_v1_CancelTask, CancelTask__Output as _sluice_v1_CancelTask__Output } from '../../sluice/v1/CancelTask.ts';
import type { AssignSplits as _sluice_v1_AssignSplits, AssignSplits__Output as _sluice_v1_AssignSplits__Output } from '../../sluice/v1/AssignSplits.ts';
import type { NoMoreSplits as _sluice_v1_NoMoreSplits, NoMoreSplits__Output as _sluice_v1_NoMoreSplits__Output } from '../../sluice/v1/NoMoreSplits.ts';
import type { HeartbeatReply as _sluice_v1_HeartbeatReply, HeartbeatReply__Output as _sluice_v1_HeartbeatReply__Output } from '../../sluice/v1/HeartbeatReply.ts';
import type { TriggerCheckpoint as _sluice_v1_TriggerCheckpoint, TriggerCheckpoint__Output as _sluice_v1_TriggerCheckpoint__Output } from '../../sluice/v1/TriggerCheckpoint.ts';
import type { CheckpointComplete as _sluice_v1_CheckpointComplete, CheckpointComplete__Output as _sluice_v1_CheckpointComplete__Output } from '../../sluice/v1/CheckpointComplete.ts';
import type { CheckpointAborted as _sluice_v1_CheckpointAborted, CheckpointAborted__Output as _sluice_v1_CheckpointAborted__Output } from '../../sluice/v1/CheckpointAborted.ts';
import type { DrainState as _sluice_v1_DrainState, DrainState__Output as _sluice_v1_DrainState__Output } from '../../sluice/v1/DrainState.ts';
import type { ReadLog as _sluice_v1_ReadLog, ReadLog__Output as _sluice_v1_ReadLog__Output } from '../../sluice/v1/ReadLog.ts';

/**
 * What the job manager says.
 */
export interface JobManagerMessage {
  'registered'?: (_sluice_v1_Registered | null);
  'deployTask'?: (_sluice_v1_DeployTask | null);
  'cancelTask'?: (_sluice_v1_CancelTask | null);
  'assignSplits'?: (_sluice_v1_AssignSplits | null);
  'noMoreSplits'?: (_sluice_v1_NoMoreSplits | null);
  'heartbeatReply'?: (_sluice_v1_HeartbeatReply | null);
  'triggerCheckpoint'?: (_sluice_v1_TriggerCheckpoint | null);
  'checkpointComplete'?: (_sluice_v1_CheckpointComplete | null);
  'checkpointAborted'?: (_sluice_v1_CheckpointAborted | null);
  'drainState'?: (_sluice_v1_DrainState | null);
  'readLog'?: (_sluice_v1_ReadLog | null);
  'message'?: "registered"|"deployTask"|"cancelTask"|"assignSplits"|"noMoreSplits"|"heartbeatReply"|"triggerCheckpoint"|"checkpointComplete"|"checkpointAborted"|"drainState"|"readLog";
}

/**
 * What the job manager says.
 */
export interface JobManagerMessage__Output {
  'registered'?: (_sluice_v1_Registered__Output | null);
  'deployTask'?: (_sluice_v1_DeployTask__Output | null);
  'cancelTask'?: (_sluice_v1_CancelTask__Output | null);
  'assignSplits'?: (_sluice_v1_AssignSplits__Output | null);
  'noMoreSplits'?: (_sluice_v1_NoMoreSplits__Output | null);
  'heartbeatReply'?: (_sluice_v1_HeartbeatReply__Output | null);
  'triggerCheckpoint'?: (_sluice_v1_TriggerCheckpoint__Output | null);
  'checkpointComplete'?: (_sluice_v1_CheckpointComplete__Output | null);
  'checkpointAborted'?: (_sluice_v1_CheckpointAborted__Output | null);
  'drainState'?: (_sluice_v1_DrainState__Output | null);
  'readLog'?: (_sluice_v1_ReadLog__Output | null);
  'message'?: "registered"|"deployTask"|"cancelTask"|"assignSplits"|"noMoreSplits"|"heartbeatReply"|"triggerCheckpoint"|"checkpointComplete"|"checkpointAborted"|"drainState"|"readLog";
}
