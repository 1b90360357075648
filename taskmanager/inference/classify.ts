/**
 * From a row of the model's output to its best classes. Pure; runs in the executor, so that only a
 * few numbers per image cross threads.
 */
export interface TopClasses {
  readonly indices: number[];
  readonly scores: number[];
}

/** Up to here, keeping a sorted list while scanning beats sorting all classes. */
const INSERTION_MAX = 32;

/**
 * The `topK` best of `row` as probabilities, best first, the lower index first among equals; null
 * where the output holds a NaN or no finite maximum, so that no order and no softmax exists.
 */
export function topClasses(
  row: ArrayLike<number>,
  options: { topK: number; kind: 'logits' | 'probabilities' },
): TopClasses | null {
  let maximum = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < row.length; index += 1) {
    const value = row[index] as number;
    if (Number.isNaN(value)) return null;
    if (value > maximum) maximum = value;
  }
  if (!Number.isFinite(maximum)) return null;
  const indices = bestIndices(row, Math.min(options.topK, row.length));
  if (options.kind === 'probabilities') {
    return { indices, scores: indices.map((index) => row[index] as number) };
  }
  let sum = 0;
  for (let index = 0; index < row.length; index += 1) {
    sum += Math.exp((row[index] as number) - maximum);
  }
  const scores = indices.map((index) => Math.exp((row[index] as number) - maximum) / sum);
  return { indices, scores };
}

function bestIndices(row: ArrayLike<number>, count: number): number[] {
  if (count > INSERTION_MAX) {
    return Array.from({ length: row.length }, (_, index) => index)
      .sort((left, right) => (row[right] as number) - (row[left] as number) || left - right)
      .slice(0, count);
  }
  const best: number[] = [];
  let worst = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < row.length; index += 1) {
    const value = row[index] as number;
    if (best.length === count && value <= worst) continue;
    if (best.length === count) best.pop();
    let place = best.length;
    while (place > 0 && (row[best[place - 1] as number] as number) < value) place -= 1;
    best.splice(place, 0, index);
    worst = row[best[best.length - 1] as number] as number;
  }
  return best;
}
