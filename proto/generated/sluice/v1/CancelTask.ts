// Original file: proto/sluice/v1/job_manager.proto


export interface CancelTask {
  'attemptId'?: (string);
}

export interface CancelTask__Output {
  'attemptId': (string);
}
