/** Of the failures of a job. */
export const EXCEPTIONS_MAX = 20;

/** Of the checkpoints of a job that ended. */
export const CHECKPOINT_HISTORY_MAX = 50;

export const PAGE_LIMIT_MAX = 1_000;
export const PAGE_LIMIT_DEFAULT = 100;

/** Of one answer about a log. */
export const LOG_BYTES_MAX = 1024 ** 2;
export const LOG_BYTES_DEFAULT = 256 * 1024;
export const LOG_LINES_MAX = 10_000;
