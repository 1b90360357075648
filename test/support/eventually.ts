import { setTimeout as delay } from 'node:timers/promises';

/** Waits until the condition holds (or gives something), with a deadline; no fixed sleeps in tests. */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  options: { readonly timeoutMs?: number; readonly message?: string } = {},
): Promise<NonNullable<T>> {
  const { timeoutMs = 10_000, message = 'the condition did not come true' } = options;
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result !== null && result !== undefined && result !== false) {
      return result as NonNullable<T>;
    }
    if (performance.now() > deadlineMs) throw new Error(`${message} within ${timeoutMs} ms`);
    await delay(20);
  }
}
