import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino';

/**
 * Structured logging as the engine sees it; pino's logger fits. Fields first, then what happened.
 * Worker threads hand their lines to the main thread, which owns the only logger of the process.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** Whether such lines are written at all; without it they may be. */
  isLevelEnabled?(level: LogLevel): boolean;
  /** A logger that adds fields, with a level of its own; pino has it. */
  child?(fields: LogFields, options: { readonly level: LogLevel }): Logger;
}

export type LogFields = Readonly<Record<string, unknown>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LoggerOptions {
  /** The least severe level that is written. */
  readonly level: LogLevel;
  /** A JSON object a line, or a line for people. */
  readonly format: 'json' | 'pretty';
  /** Default: standard error; standard output belongs to results. */
  readonly stream?: DestinationStream;
}

/** Fields whose values never reach a log, at the top of a line's fields or one level below. */
const SECRET_FIELDS = [
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
  'credentials',
  'password',
  'secret',
  'token',
  'authorization',
];

/** The logger of the process; only `main` modules and the command line make one. */
export function createLogger(options: LoggerOptions): Logger {
  const target = options.stream ?? standardError();
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]),
        censor: '[secret]',
      },
    },
    options.format === 'json' ? target : prettyStream(target),
  );
}

/** A log that cannot be written (a full disk, a closed pipe) is no reason to end the work. */
function standardError(): DestinationStream {
  return destination({ dest: 2, sync: true }).on('error', () => {});
}

/** For tests, and for embedders that do not want to hear anything. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  isLevelEnabled: () => false,
};

/** `12:34:56.789 WARN  message key=value key=value` */
function prettyStream(target: DestinationStream): DestinationStream {
  return {
    write(line: string): void {
      const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
      const clock = String(time).slice(11, 23);
      const pairs = Object.entries(fields).map(([key, value]) => `${key}=${fieldText(value)}`);
      const severity = String(level).toUpperCase().padEnd(5);
      target.write(`${[clock, severity, String(msg), ...pairs].join(' ')}\n`);
    },
  };
}

/** Of an error, the message says enough for people; JSON has the rest. */
function fieldText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { message } = value as { message?: unknown };
  return typeof message === 'string' ? JSON.stringify(message) : JSON.stringify(value);
}
