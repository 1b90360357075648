// Original file: proto/sluice/v1/job_manager.proto


export interface NoMoreSplits {
  'attemptId'?: (string);
}

export interface NoMoreSplits__Output {
  'attemptId': (string);
}
