// Original file: proto/sluice/v1/job_manager.proto


/**
 * To the attempts of the sources: emit this barrier.
 */
export interface TriggerCheckpoint {
  'attemptId'?: (string);
  /**
   * A Barrier of shared/record as JSON.
   */
  'barrierJson'?: (Buffer | Uint8Array | string);
}

/**
 * To the attempts of the sources: emit this barrier.
 */
export interface TriggerCheckpoint__Output {
  'attemptId': (string);
  /**
   * A Barrier of shared/record as JSON.
   */
  'barrierJson': (Buffer);
}
