// Original file: proto/sluice/v1/job_manager.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { JobManagerMessage as _sluice_v1_JobManagerMessage, JobManagerMessage__Output as _sluice_v1_JobManagerMessage__Output } from '../../sluice/v1/JobManagerMessage.ts';
import type { TaskManagerMessage as _sluice_v1_TaskManagerMessage, TaskManagerMessage__Output as _sluice_v1_TaskManagerMessage__Output } from '../../sluice/v1/TaskManagerMessage.ts';

/**
 * One stream per task manager. Its end is a failure signal for both sides.
 */
export interface JobManagerClient extends grpc.Client {
  Connect(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_TaskManagerMessage, _sluice_v1_JobManagerMessage__Output>;
  Connect(options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_TaskManagerMessage, _sluice_v1_JobManagerMessage__Output>;
  connect(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_TaskManagerMessage, _sluice_v1_JobManagerMessage__Output>;
  connect(options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_TaskManagerMessage, _sluice_v1_JobManagerMessage__Output>;
  
}

/**
 * One stream per task manager. Its end is a failure signal for both sides.
 */
export interface JobManagerHandlers extends grpc.UntypedServiceImplementation {
  Connect: grpc.handleBidiStreamingCall<_sluice_v1_TaskManagerMessage__Output, _sluice_v1_JobManagerMessage>;
  
}

export interface JobManagerDefinition extends grpc.ServiceDefinition {
  Connect: MethodDefinition<_sluice_v1_TaskManagerMessage, _sluice_v1_JobManagerMessage, _sluice_v1_TaskManagerMessage__Output, _sluice_v1_JobManagerMessage__Output>
}
