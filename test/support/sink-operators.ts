/** Sinks as the runtime wraps them, outside a chain. */

import type { OperatorContext } from '../../taskmanager/operators/operator-context.ts';
import { SinkOperator } from '../../taskmanager/operators/runtime/sink-operator.ts';
import type { Sink } from '../../taskmanager/operators/sink-writer.ts';

/** Commits as it goes. */
export function uncheckpointed<Committable>(
  sink: Sink<Committable>,
  context: OperatorContext,
): SinkOperator {
  return new SinkOperator({
    sink: sink as Sink<unknown>,
    context,
    barriers: {
      pass: () => {
        throw new Error('there are no barriers without checkpoints');
      },
    },
    isCheckpointed: false,
    wake: () => {},
  });
}
