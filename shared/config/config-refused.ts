import type { SluiceError } from '../errors/sluice-error.ts';

/** A configuration with mistakes: all of them, with their places. */
export class ConfigRefused extends Error {
  override readonly name = 'ConfigRefused';
  readonly problems: readonly SluiceError[];

  constructor(problems: readonly SluiceError[]) {
    super(problems.map((problem) => problem.message).join('\n'));
    this.problems = problems;
  }
}
