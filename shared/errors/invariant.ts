/** A bug in Sluice: never caught, it ends the process (or the task's thread). */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * States what must hold if the program is right. Use it for programmer errors only; whatever input,
 * storage or the network can cause is a `SluiceError`.
 */
export function invariant(
  condition: unknown,
  message: string,
  values: Readonly<Record<string, unknown>> = {},
): asserts condition {
  if (condition) return;
  throw new InvariantError(`${message} ${JSON.stringify(values)}`);
}
