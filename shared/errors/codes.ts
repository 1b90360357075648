/** One record cannot be processed: it goes to the dead letters, and the task goes on. */
export const RECORD_ERROR_CODES = [
  'IMAGE_FORMAT',
  'IMAGE_CORRUPT',
  'IMAGE_TOO_LARGE',
  'OBJECT_TOO_LARGE',
  'OBJECT_CHANGED',
  'RECORD_INVALID',
  'EXPRESSION_FAILED',
  'INFERENCE_FAILED',
] as const;

/**
 * The closed list of error codes. Every code has a line in `docs/errors.md` (a tidy test keeps them
 * in step); a code names what happened, never where in the source it was noticed.
 */
export const ERROR_CODES = [
  // The pipeline and the command line: the user can mend these.
  'PIPELINE_SYNTAX',
  'PIPELINE_INVALID',
  'PARAMETER_INVALID',
  'EXPRESSION_INVALID',
  'MODEL_NOT_FOUND',
  'MODEL_INVALID',
  'MODEL_MISMATCH',
  'MODEL_CHECKSUM',
  'LABELS_MISMATCH',
  'ARGUMENT_INVALID',
  'CONFIG_INVALID',
  'FILE_NOT_FOUND',
  'FILE_EXISTS',
  'JOB_NOT_FOUND',
  'VERTEX_NOT_FOUND',
  'CHECKPOINT_NOT_FOUND',
  'TASK_MANAGER_NOT_FOUND',
  'JOB_STATE',
  'RESOURCE_UNAVAILABLE',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'CERTIFICATE_INVALID',
  'CHECKPOINT_INVALID',
  'CHECKPOINT_MISMATCH',
  ...RECORD_ERROR_CODES,
  // The world outside: storage, network, peers.
  'STORAGE_UNAVAILABLE',
  'STORAGE_DENIED',
  'STORAGE_NOT_FOUND',
  'STORAGE_CREDENTIALS',
  'PRECONDITION_FAILED',
  'NETWORK_UNREACHABLE',
  'NETWORK_TIMEOUT',
  'NETWORK_CLOSED',
  'PORT_IN_USE',
  'PROTOCOL_VIOLATION',
  'MESSAGE_TOO_LARGE',
  'TASK_MANAGER_LOST',
  'JOB_MANAGER_LOST',
  'NOT_LEADER',
  'LEADERSHIP_LOST',
  'TASK_FAILED',
  'CANCELLED',
  'CHECKPOINT_FAILED',
  'STATE_CORRUPT',
  // A fault of Sluice itself.
  'INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];
