import type { SerializedError, SluiceError } from '../errors/sluice-error.ts';

/**
 * Something wrong (or doubtful) in a pipeline's file: a SluiceError or its serialized form, whose
 * context says where:
 *
 *   file          the file's name, always
 *   line, column  1-based; absent for what has no place in the file (`--set`)
 *   length        of the text that is meant, in UTF-16 units, within the line
 *   source        the line, or the part of a very long one that begins at offset `sourceStart`
 *   severity      'warning'; absent for errors
 *   node          the node's name, where it is about one
 */
export type PipelineProblem = SluiceError | SerializedError;

export function isWarning(problem: PipelineProblem): boolean {
  return problem.context['severity'] === 'warning';
}
