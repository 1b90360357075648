// Original file: proto/sluice/v1/job_manager.proto


export interface AssignSplits {
  'attemptId'?: (string);
  /**
   * An array of splits as JSON.
   */
  'splitsJson'?: (Buffer | Uint8Array | string);
}

export interface AssignSplits__Output {
  'attemptId': (string);
  /**
   * An array of splits as JSON.
   */
  'splitsJson': (Buffer);
}
