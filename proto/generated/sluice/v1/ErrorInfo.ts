// Original file: proto/sluice/v1/common.proto


/**
 * An error as it crosses processes: `SerializedError` of shared/errors.
 */
export interface ErrorInfo {
  'code'?: (string);
  'message'?: (string);
  'domain'?: (string);
  'retry'?: (string);
  'context'?: ({[key: string]: string});
  'hint'?: (string);
  'causes'?: (string)[];
}

/**
 * An error as it crosses processes: `SerializedError` of shared/errors.
 */
export interface ErrorInfo__Output {
  'code': (string);
  'message': (string);
  'domain': (string);
  'retry': (string);
  'context': ({[key: string]: string});
  'hint': (string);
  'causes': (string)[];
}
