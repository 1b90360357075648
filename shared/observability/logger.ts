import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino';
import { LogFile } from './log-file.ts';
import { LogRing } from './log-ring.ts';
import { SECRET, SECRET_FIELDS, withoutSecrets } from './without-secrets.ts';

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
  child?(fields: LogFields, options: { readonly level: LogLevel }): Omit<Logger, 'recent'>;
  /** What it has written lately, to be read from elsewhere. */
  readonly recent?: LogRing;
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
  /** Written there too, as JSON whatever the format, and rotated; null: nowhere else. */
  readonly file?: string | null;
}

/** The logger of the process; only `main` modules and the command line make one. */
export function createLogger(options: LoggerOptions): Logger {
  const { file = null, format } = options;
  const recent = new LogRing();
  const shown = both(options.stream ?? standardError(), recent);
  const target = format === 'json' ? shown : prettyStream(shown);
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]),
        censor: SECRET,
      },
    },
    discreet(file === null ? target : both(target, new LogFile({ path: file }))),
  );
  return Object.assign(logger, { recent });
}

function both(one: DestinationStream, other: DestinationStream): DestinationStream {
  return {
    write(line: string): void {
      one.write(line);
      other.write(line);
    },
  };
}

/** For what the fields' names do not tell. */
function discreet(target: DestinationStream): DestinationStream {
  return { write: (line: string) => target.write(withoutSecrets(line)) };
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
