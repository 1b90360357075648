import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { AcknowledgeCheckpoint as _sluice_v1_AcknowledgeCheckpoint, AcknowledgeCheckpoint__Output as _sluice_v1_AcknowledgeCheckpoint__Output } from './sluice/v1/AcknowledgeCheckpoint.ts';
import type { DeclineCheckpoint as _sluice_v1_DeclineCheckpoint, DeclineCheckpoint__Output as _sluice_v1_DeclineCheckpoint__Output } from './sluice/v1/DeclineCheckpoint.ts';
import type { DrainTaskManager as _sluice_v1_DrainTaskManager, DrainTaskManager__Output as _sluice_v1_DrainTaskManager__Output } from './sluice/v1/DrainTaskManager.ts';
import type { ErrorInfo as _sluice_v1_ErrorInfo, ErrorInfo__Output as _sluice_v1_ErrorInfo__Output } from './sluice/v1/ErrorInfo.ts';
import type { Heartbeat as _sluice_v1_Heartbeat, Heartbeat__Output as _sluice_v1_Heartbeat__Output } from './sluice/v1/Heartbeat.ts';
import type { Histogram as _sluice_v1_Histogram, Histogram__Output as _sluice_v1_Histogram__Output } from './sluice/v1/Histogram.ts';
import type { LogPart as _sluice_v1_LogPart, LogPart__Output as _sluice_v1_LogPart__Output } from './sluice/v1/LogPart.ts';
import type { OperatorMetrics as _sluice_v1_OperatorMetrics, OperatorMetrics__Output as _sluice_v1_OperatorMetrics__Output } from './sluice/v1/OperatorMetrics.ts';
import type { ProcessMetrics as _sluice_v1_ProcessMetrics, ProcessMetrics__Output as _sluice_v1_ProcessMetrics__Output } from './sluice/v1/ProcessMetrics.ts';
import type { RegisterTaskManager as _sluice_v1_RegisterTaskManager, RegisterTaskManager__Output as _sluice_v1_RegisterTaskManager__Output } from './sluice/v1/RegisterTaskManager.ts';
import type { SlotProfile as _sluice_v1_SlotProfile, SlotProfile__Output as _sluice_v1_SlotProfile__Output } from './sluice/v1/SlotProfile.ts';
import type { SourceDrained as _sluice_v1_SourceDrained, SourceDrained__Output as _sluice_v1_SourceDrained__Output } from './sluice/v1/SourceDrained.ts';
import type { SplitRequest as _sluice_v1_SplitRequest, SplitRequest__Output as _sluice_v1_SplitRequest__Output } from './sluice/v1/SplitRequest.ts';
import type { SubtaskMetrics as _sluice_v1_SubtaskMetrics, SubtaskMetrics__Output as _sluice_v1_SubtaskMetrics__Output } from './sluice/v1/SubtaskMetrics.ts';
import type { TaskManagerLeaving as _sluice_v1_TaskManagerLeaving, TaskManagerLeaving__Output as _sluice_v1_TaskManagerLeaving__Output } from './sluice/v1/TaskManagerLeaving.ts';
import type { TaskManagerMessage as _sluice_v1_TaskManagerMessage, TaskManagerMessage__Output as _sluice_v1_TaskManagerMessage__Output } from './sluice/v1/TaskManagerMessage.ts';
import type { TaskStateUpdate as _sluice_v1_TaskStateUpdate, TaskStateUpdate__Output as _sluice_v1_TaskStateUpdate__Output } from './sluice/v1/TaskStateUpdate.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  sluice: {
    v1: {
      AcknowledgeCheckpoint: MessageTypeDefinition<_sluice_v1_AcknowledgeCheckpoint, _sluice_v1_AcknowledgeCheckpoint__Output>
      DeclineCheckpoint: MessageTypeDefinition<_sluice_v1_DeclineCheckpoint, _sluice_v1_DeclineCheckpoint__Output>
      DrainTaskManager: MessageTypeDefinition<_sluice_v1_DrainTaskManager, _sluice_v1_DrainTaskManager__Output>
      ErrorInfo: MessageTypeDefinition<_sluice_v1_ErrorInfo, _sluice_v1_ErrorInfo__Output>
      Heartbeat: MessageTypeDefinition<_sluice_v1_Heartbeat, _sluice_v1_Heartbeat__Output>
      Histogram: MessageTypeDefinition<_sluice_v1_Histogram, _sluice_v1_Histogram__Output>
      LogPart: MessageTypeDefinition<_sluice_v1_LogPart, _sluice_v1_LogPart__Output>
      OperatorMetrics: MessageTypeDefinition<_sluice_v1_OperatorMetrics, _sluice_v1_OperatorMetrics__Output>
      ProcessMetrics: MessageTypeDefinition<_sluice_v1_ProcessMetrics, _sluice_v1_ProcessMetrics__Output>
      RegisterTaskManager: MessageTypeDefinition<_sluice_v1_RegisterTaskManager, _sluice_v1_RegisterTaskManager__Output>
      SlotProfile: MessageTypeDefinition<_sluice_v1_SlotProfile, _sluice_v1_SlotProfile__Output>
      SourceDrained: MessageTypeDefinition<_sluice_v1_SourceDrained, _sluice_v1_SourceDrained__Output>
      SplitRequest: MessageTypeDefinition<_sluice_v1_SplitRequest, _sluice_v1_SplitRequest__Output>
      SubtaskMetrics: MessageTypeDefinition<_sluice_v1_SubtaskMetrics, _sluice_v1_SubtaskMetrics__Output>
      TaskManagerLeaving: MessageTypeDefinition<_sluice_v1_TaskManagerLeaving, _sluice_v1_TaskManagerLeaving__Output>
      TaskManagerMessage: MessageTypeDefinition<_sluice_v1_TaskManagerMessage, _sluice_v1_TaskManagerMessage__Output>
      TaskStateUpdate: MessageTypeDefinition<_sluice_v1_TaskStateUpdate, _sluice_v1_TaskStateUpdate__Output>
    }
  }
}

