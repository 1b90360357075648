// Original file: proto/sluice/v1/task_manager.proto


export interface SlotProfile {
  /**
   * `cpu` or `gpu`.
   */
  'device'?: (string);
}

export interface SlotProfile__Output {
  /**
   * `cpu` or `gpu`.
   */
  'device': (string);
}
