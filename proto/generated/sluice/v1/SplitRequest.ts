// Original file: proto/sluice/v1/task_manager.proto


export interface SplitRequest {
  'attemptId'?: (string);
  'count'?: (number);
}

export interface SplitRequest__Output {
  'attemptId': (string);
  'count': (number);
}
