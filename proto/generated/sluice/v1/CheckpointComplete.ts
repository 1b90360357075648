// Original file: proto/sluice/v1/job_manager.proto


/**
 * To all attempts: the checkpoint is restorable.
 */
export interface CheckpointComplete {
  'attemptId'?: (string);
  'checkpointId'?: (number | string);
}

/**
 * To all attempts: the checkpoint is restorable.
 */
export interface CheckpointComplete__Output {
  'attemptId': (string);
  'checkpointId': (number);
}
