// Original file: proto/sluice/v1/job_manager.proto


/**
 * The task manager drains: nothing new is deployed here.
 */
export interface DrainState {
  /**
   * Nothing runs here any more, nor will.
   */
  'drained'?: (boolean);
}

/**
 * The task manager drains: nothing new is deployed here.
 */
export interface DrainState__Output {
  /**
   * Nothing runs here any more, nor will.
   */
  'drained': (boolean);
}
