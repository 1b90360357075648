/**
 * The shipped rules and configuration, quicker: tests cannot wait for half an hour. What is divided is
 * how long something has to be so: `for:`, ranges (`[5m]`) and offsets. Thresholds stay, and so do the
 * texts. A minute of the rules is a second of the test.
 */
export const QUICKER_BY = 60;

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = String.raw`(\d+)(ms|s|m|h|d)`;

/** A scrape takes its time on a busy machine; a range of the rules is five of them or more. */
const INTERVAL = '1s';

export function quickRules(text: string): string {
  return text
    .replace(new RegExp(`^( *for: )${DURATION}$`, 'gm'), divided)
    .replace(new RegExp(String.raw`(\[)${DURATION}(?=\])`, 'g'), divided)
    .replace(new RegExp(`( offset )${DURATION}`, 'g'), divided);
}

export function quickConfig(text: string): string {
  return text.replace(/^( *(?:scrape|evaluation)_interval: )\w+$/gm, `$1${INTERVAL}`);
}

function divided(_match: string, before: string, count: string, unit: string): string {
  const durationMs = Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return `${before}${Math.max(1, Math.round(durationMs / QUICKER_BY))}ms`;
}
