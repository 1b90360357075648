// Original file: proto/sluice/v1/task_manager.proto


/**
 * A graceful end: its tasks were cancelled by the task manager itself.
 */
export interface TaskManagerLeaving {
  'reason'?: (string);
}

/**
 * A graceful end: its tasks were cancelled by the task manager itself.
 */
export interface TaskManagerLeaving__Output {
  'reason': (string);
}
