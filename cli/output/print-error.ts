import process from 'node:process';
import { styleText } from 'node:util';
import { ConfigRefused } from '../../shared/config/config-refused.ts';
import {
  type SerializedError,
  SluiceError,
  serializeError,
} from '../../shared/errors/sluice-error.ts';
import { formatProblems } from '../../shared/pipeline/format-problems.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { PipelineRefused } from '../pipeline-refused.ts';

/**
 * Prints what went wrong as a person can use it: what, where, what to do. A stack trace appears only
 * for a bug in Sluice itself.
 */
export function printError(error: unknown): ExitCode {
  if (error instanceof PipelineRefused || error instanceof ConfigRefused) {
    process.stderr.write(`${formatProblems(error.problems)}\n`);
    return EXIT_CODES.usage;
  }
  if (!(error instanceof SluiceError)) {
    const trace = error instanceof Error ? error.stack : String(error);
    process.stderr.write(`sluice: internal error; please report it:\n${trace}\n`);
    return EXIT_CODES.failure;
  }
  process.stderr.write(`${errorText(serializeError(error), process.stderr)}\n`);
  // Only Ctrl-C cancels what a command does itself.
  if (error.code === 'CANCELLED') return EXIT_CODES.interrupted;
  return error.domain === 'user' ? EXIT_CODES.usage : EXIT_CODES.failure;
}

/**
 * Message, causes that add something, and the hint, each on a line of its own; coloured where the
 * stream that it goes to shows colours.
 */
export function errorText(
  error: SerializedError,
  stream: NodeJS.WritableStream = process.stdout,
): string {
  const lines = [`${styleText('red', 'error', { stream })} ${error.code}: ${error.message}`];
  for (const cause of error.causes) {
    if (!error.message.includes(cause)) lines.push(`  because: ${cause}`);
  }
  if (error.hint !== undefined) {
    lines.push(`  ${styleText('cyan', 'try', { stream })}: ${error.hint}`);
  }
  return lines.join('\n');
}
