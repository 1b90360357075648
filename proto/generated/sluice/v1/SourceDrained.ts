// Original file: proto/sluice/v1/task_manager.proto


/**
 * A source has emitted all it will ever emit.
 */
export interface SourceDrained {
  'attemptId'?: (string);
}

/**
 * A source has emitted all it will ever emit.
 */
export interface SourceDrained__Output {
  'attemptId': (string);
}
