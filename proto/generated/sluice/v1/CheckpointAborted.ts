// Original file: proto/sluice/v1/job_manager.proto


/**
 * To all attempts: it never will be.
 */
export interface CheckpointAborted {
  'attemptId'?: (string);
  'checkpointId'?: (number | string);
}

/**
 * To all attempts: it never will be.
 */
export interface CheckpointAborted__Output {
  'attemptId': (string);
  'checkpointId': (number);
}
