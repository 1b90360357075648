// Original file: proto/sluice/v1/job_manager.proto


/**
 * A part of the task manager's log is wanted; LogPart is the answer.
 */
export interface ReadLog {
  'requestId'?: (number | string);
  /**
   * From this byte on; negative: the last `length` bytes.
   */
  'offset'?: (number | string);
  'length'?: (number);
  /**
   * Only the last lines; 0: all of the range.
   */
  'tail'?: (number);
}

/**
 * A part of the task manager's log is wanted; LogPart is the answer.
 */
export interface ReadLog__Output {
  'requestId': (number);
  /**
   * From this byte on; negative: the last `length` bytes.
   */
  'offset': (number);
  'length': (number);
  /**
   * Only the last lines; 0: all of the range.
   */
  'tail': (number);
}
