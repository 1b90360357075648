// Original file: proto/sluice/v1/job_manager.proto


export interface HeartbeatReply {
  'sentAtMs'?: (number | string);
}

export interface HeartbeatReply__Output {
  'sentAtMs': (number);
}
