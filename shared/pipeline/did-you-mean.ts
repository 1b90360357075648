import { closest, distance } from 'fastest-levenshtein';

/** The candidate that a mistyped name most likely meant, or null where none is near. */
export function nearest(name: string, candidates: readonly string[]): string | null {
  if (candidates.length === 0 || name === '' || name.length > 100) return null;
  const folded = name.toLowerCase();
  const sameLetters = candidates.find((candidate) => candidate.toLowerCase() === folded);
  if (sameLetters !== undefined) return sameLetters;
  const best = closest(name, [...candidates]);
  // A third of the letters may differ (a swap counts twice); two names of two letters are never "near".
  const differencesMax = Math.ceil(Math.max(name.length, best.length) / 3);
  if (Math.min(name.length, best.length) < 3) return null;
  return distance(folded, best.toLowerCase()) <= differencesMax ? best : null;
}

/** `did you mean "x"? Things: a, b, c`; the first half only where something is near. */
export function suggest(name: string, plural: string, candidates: readonly string[]): string {
  const best = nearest(name, candidates);
  const question = best === null ? '' : `did you mean "${best}"? `;
  const list = candidates.length === 0 ? 'none' : candidates.join(', ');
  return `${question}${plural}: ${list}`;
}
