import { setTimeout as delay } from 'node:timers/promises';

/** What the server answers; null where it does not, or refuses. */
export async function getJson<T>(url: string, timeoutMs: number): Promise<T | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    return response.ok ? ((await response.json()) as T) : null;
  } catch {
    return null;
  }
}

/** Asks every `pollMs` until the condition holds; throws after `waitMs`. */
export async function until(
  condition: () => Promise<boolean>,
  what: string,
  times: { readonly waitMs: number; readonly pollMs: number },
): Promise<void> {
  const deadlineMs = Date.now() + times.waitMs;
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error(`no ${what} within ${times.waitMs / 1000} s`);
    await delay(times.pollMs);
  }
}
