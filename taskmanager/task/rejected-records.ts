import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { TaskDeployment } from '../../shared/job-graph/task-deployment.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import { StreamRecord } from '../../shared/record/stream-record.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { deadLetterValue } from '../operators/dead-letter.ts';
import type { RejectedRecord } from '../operators/runtime/runtime-context.ts';
import type { OperatorChain } from './operator-chain.ts';

export interface RejectedRecordsOptions {
  readonly deployment: TaskDeployment;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fail: (error: unknown) => void;
}

/** What becomes of the records that a task's operators reject. */
export class RejectedRecords {
  readonly #options: RejectedRecordsOptions;

  constructor(options: RejectedRecordsOptions) {
    this.#options = options;
  }

  /** The operator has counted it already. */
  handle(rejected: RejectedRecord, chain: OperatorChain): void {
    const { deployment, clock, logger, fail } = this.#options;
    const { record, error, operator } = rejected;
    logger.debug(
      {
        attemptId: deployment.attemptId,
        operator: operator.id,
        uri: record.source?.uri,
        code: error.code,
        reason: error.message,
      },
      'record rejected',
    );
    // A dead letter that cannot be written would be lost without a trace.
    if (deployment.onError === 'fail' || chain.isDeadLetterSink(operator.id)) {
      fail(withSource(error, record));
      return;
    }
    const value = deadLetterValue(
      record,
      error,
      operator.id,
      stageOf(operator.kind),
      clock.nowMs(),
    );
    const { eventTimeMs, ingestedAtMs, source } = record;
    const deadLetter = new StreamRecord(value, eventTimeMs, ingestedAtMs, source, null, null);
    chain.writeDeadLetter(deadLetter, operator.id);
  }
}

/** A job that fails because of one record has to say which. */
function withSource(error: SluiceError, { source }: StreamRecord): SluiceError {
  if (source === null || error.message.includes(source.uri)) return error;
  const { code, domain, retry, hint } = error;
  return new SluiceError(code, `${source.uri}: ${error.message}`, {
    domain,
    retry,
    context: { ...error.context, uri: source.uri },
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

/** `transform/image-tensor` → `image-tensor`. */
function stageOf(kind: string): string {
  return kind.slice(kind.indexOf('/') + 1);
}
