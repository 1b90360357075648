import type { StateBackendKind } from '../../shared/checkpoint/state-backend.ts';
import { StreamRecord } from '../../shared/record/stream-record.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { CountOperator } from '../../taskmanager/operators/count/count-operator.ts';
import type { OperatorContext } from '../../taskmanager/operators/operator-context.ts';
import type { Output } from '../../taskmanager/operators/stream-operator.ts';
import { backendFactory } from '../../taskmanager/state/create-backend.ts';
import type { KeyedStateBackend } from '../../taskmanager/state/keyed-state-backend.ts';

/** Prime, and no divisor of any sensible number of keys: visits all of them once, far apart. */
const STRIDE = 1_000_000_007;

const OUTPUT: Output = {
  emit: () => undefined,
  emitEvent: () => undefined,
  isReady: () => true,
};

export async function openBackend(
  kind: StateBackendKind,
  clock: Clock,
): Promise<KeyedStateBackend> {
  const create = await backendFactory(kind);
  return create({ subtaskIndex: 0, parallelism: 1, maxParallelism: 128, clock });
}

/** `count` records over `keys` keys, in no order of theirs. */
export function recordsOf(keys: number, count: number, from = 0): readonly StreamRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const number = Number((BigInt(from + index) * BigInt(STRIDE)) % BigInt(keys));
    return new StreamRecord({ key: `key-${number}` }, 0, 0, null, null, null);
  });
}

const operators = new WeakMap<KeyedStateBackend, CountOperator>();

/** Through the real operator; `records` in a circle until so many are counted. */
export function countOn(
  backend: KeyedStateBackend,
  records: readonly StreamRecord[],
  count: number,
): void {
  let operator = operators.get(backend);
  if (operator === undefined) {
    operator = new CountOperator({ keyBy: ['key'] });
    // All that counting asks for.
    const context = { keyedState: () => backend.state } as OperatorContext;
    operator.open(context, OUTPUT);
    operators.set(backend, operator);
  }
  for (let counted = 0; counted < count; ) {
    for (let index = 0; index < records.length && counted < count; index += 1, counted += 1) {
      operator.processElement(records[index] as StreamRecord);
    }
  }
}
