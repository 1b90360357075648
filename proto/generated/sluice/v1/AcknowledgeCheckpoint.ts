// Original file: proto/sluice/v1/task_manager.proto


export interface AcknowledgeCheckpoint {
  'attemptId'?: (string);
  'checkpointId'?: (number | string);
  /**
   * A SubtaskSnapshot of shared/checkpoint as JSON.
   */
  'snapshotJson'?: (Buffer | Uint8Array | string);
  'alignmentMs'?: (number | string);
  'syncMs'?: (number | string);
  'asyncMs'?: (number | string);
  'bytes'?: (number | string);
}

export interface AcknowledgeCheckpoint__Output {
  'attemptId': (string);
  'checkpointId': (number);
  /**
   * A SubtaskSnapshot of shared/checkpoint as JSON.
   */
  'snapshotJson': (Buffer);
  'alignmentMs': (number);
  'syncMs': (number);
  'asyncMs': (number);
  'bytes': (number);
}
