import type { SerializedError } from '../shared/errors/sluice-error.ts';

/** A pipeline with mistakes: all of them, with their places. */
export class PipelineRefused extends Error {
  override readonly name = 'PipelineRefused';
  readonly problems: readonly SerializedError[];

  constructor(problems: readonly SerializedError[]) {
    super(problems.map((problem) => problem.message).join('\n'));
    this.problems = problems;
  }
}
