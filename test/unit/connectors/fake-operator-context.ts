import assert from 'node:assert/strict';
import { deserializeError, type SluiceError } from '../../../shared/errors/sluice-error.ts';
import { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { Clock } from '../../../shared/time/clock.ts';
import type { InferenceClient } from '../../../taskmanager/inference/inference-client.ts';
import type { OperatorContext } from '../../../taskmanager/operators/operator-context.ts';
import { OperatorMetrics } from '../../../taskmanager/operators/operator-metrics.ts';

/** What an operator did to its context. */
export interface FakeOperatorContext extends OperatorContext {
  readonly rejected: { readonly record: StreamRecord; readonly error: SluiceError }[];
  readonly failures: unknown[];
}

/** A context outside any task: mails run at once, file systems are real. */
export function fakeOperatorContext(
  clock: Clock,
  overrides: Partial<OperatorContext> = {},
): FakeOperatorContext {
  const rejected: { record: StreamRecord; error: SluiceError }[] = [];
  const failures: unknown[] = [];
  const inference: InferenceClient = {
    load: () => {
      throw deserializeError({
        code: 'INTERNAL',
        message: 'nothing is inferred here',
        domain: 'internal',
        retry: 'none',
        context: {},
        causes: [],
      });
    },
  };
  return {
    jobId: 'job-1',
    jobName: 'test',
    vertexId: 'vertex',
    operatorId: 'results',
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 128,
    attempt: 0,
    taskManagerId: 'tm-1',
    clock,
    mailbox: { execute: (mail) => mail() },
    metrics: new OperatorMetrics(),
    fileSystems: new FileSystemRegistry({}, { clock }),
    inference,
    keyedState: () => assert.fail('connectors have no keyed state'),
    reject: (record, error) => rejected.push({ record, error }),
    fail: (error) => failures.push(error),
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
    rejected,
    failures,
    ...overrides,
  };
}

/** A record as `source: files` makes it. */
export function recordOf(
  value: Record<string, unknown>,
  options: { readonly uri?: string; readonly bytes?: Uint8Array; readonly etag?: string } = {},
): StreamRecord {
  const { uri, bytes = null, etag = 'etag-1' } = options;
  const source = uri === undefined ? null : { uri, etag };
  return new StreamRecord(value, 1_700_000_000_000, 1_700_000_001_000, source, bytes, null);
}
