// Original file: proto/sluice/v1/task_manager.proto


/**
 * The answer to ReadLog. Offsets count the bytes of the log since the process started.
 */
export interface LogPart {
  'requestId'?: (number | string);
  /**
   * False: no log is kept there.
   */
  'kept'?: (boolean);
  'start'?: (number | string);
  'end'?: (number | string);
  'offset'?: (number | string);
  /**
   * UTF-8, at most 1 MiB.
   */
  'text'?: (Buffer | Uint8Array | string);
}

/**
 * The answer to ReadLog. Offsets count the bytes of the log since the process started.
 */
export interface LogPart__Output {
  'requestId': (number);
  /**
   * False: no log is kept there.
   */
  'kept': (boolean);
  'start': (number);
  'end': (number);
  'offset': (number);
  /**
   * UTF-8, at most 1 MiB.
   */
  'text': (Buffer);
}
