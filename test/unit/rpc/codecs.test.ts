import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JobManagerMessage__Output as JobManagerOutput } from '../../../proto/generated/sluice/v1/JobManagerMessage.ts';
import type { TaskManagerMessage__Output as TaskManagerOutput } from '../../../proto/generated/sluice/v1/TaskManagerMessage.ts';
import { ERROR_CODES } from '../../../shared/errors/codes.ts';
import type { SerializedError } from '../../../shared/errors/sluice-error.ts';
import {
  decodeJobManagerMessage,
  encodeJobManagerMessage,
} from '../../../shared/rpc/job-manager-codec.ts';
import { jobManagerServiceDefinition } from '../../../shared/rpc/job-manager-service.ts';
import type { JobManagerMessage, TaskManagerMessage } from '../../../shared/rpc/messages.ts';
import {
  decodeTaskManagerMessage,
  encodeTaskManagerMessage,
} from '../../../shared/rpc/task-manager-codec.ts';

const { Connect } = jobManagerServiceDefinition();

/** Over the wire and back, bytes included. */
function throughWire(message: TaskManagerMessage): TaskManagerMessage {
  const bytes = Connect.requestSerialize(encodeTaskManagerMessage(message));
  return decodeTaskManagerMessage(Connect.requestDeserialize(bytes) as TaskManagerOutput);
}

const text = fc.string({ maxLength: 20 });
const number = fc.integer({ min: 0, max: 2 ** 31 });
const context = fc.dictionary(
  text.filter((key) => key !== '__proto__'),
  text,
  { maxKeys: 3, noNullPrototype: true },
);
const histogram = fc.record({
  buckets: fc.array(number, { maxLength: 6 }),
  sumMs: fc.double({ noNaN: true }),
});
const operator = fc.record({
  operatorId: text,
  recordsIn: number,
  recordsOut: number,
  recordsRejected: number,
  inFlight: number,
  bytesIn: number,
  bytesOut: number,
  stageLatency: histogram,
  endToEndLatency: histogram,
});
const metrics = fc.record({
  attemptId: text,
  recordsIn: number,
  recordsOut: number,
  bytesIn: number,
  bytesOut: number,
  recordsRejected: number,
  busyMs: number,
  idleMs: number,
  backPressuredMs: number,
  buffersInQueued: number,
  buffersOutQueued: number,
  creditsIn: number,
  creditsOut: number,
  firstRecordAtMs: number,
  lastRecordAtMs: number,
  operators: fc.array(operator, { maxLength: 3 }),
});
const error: fc.Arbitrary<SerializedError> = fc.record({
  code: fc.constantFrom(...ERROR_CODES),
  message: text,
  domain: fc.constantFrom('user', 'external', 'internal'),
  retry: fc.constantFrom('none', 'backoff', 'restart-job'),
  context,
  hint: fc.string({ minLength: 1, maxLength: 20 }),
  causes: fc.array(text, { maxLength: 3 }),
});
const timings = fc.record({
  alignmentMs: number,
  syncMs: number,
  asyncMs: number,
  bytes: number,
});
const snapshot = fc.record({
  operators: fc.constant({
    images: {
      lists: {
        splits: {
          mode: 'split' as const,
          handle: { kind: 'inline' as const, base64: 'AA==' },
          entries: 1,
        },
      },
      keyed: {},
    },
  }),
  channels: fc.constant([]),
});
const taskManagerMessage: fc.Arbitrary<TaskManagerMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('acknowledge-checkpoint' as const),
    attemptId: text,
    checkpointId: number,
    snapshot,
    timings,
  }),
  fc.record({
    kind: fc.constant('decline-checkpoint' as const),
    attemptId: text,
    checkpointId: number,
    reason: fc.constantFrom('TASK_NOT_RUNNING', 'SNAPSHOT_FAILED', 'STORAGE_FAILED'),
    error,
  }),
  fc.record({ kind: fc.constant('source-drained' as const), attemptId: text }),
  fc.record({
    kind: fc.constant('register' as const),
    registration: fc.record({
      taskManagerId: fc.string({ minLength: 1, maxLength: 20 }),
      version: text,
      dataHost: text,
      dataPort: fc.integer({ min: 0, max: 65_535 }),
      metricsAddress: text,
      slots: fc.array(fc.record({ device: fc.constantFrom('cpu', 'gpu') }), { maxLength: 4 }),
      labels: context,
      executors: fc.integer({ min: 0, max: 64 }),
      draining: fc.boolean(),
      runningAttemptIds: fc.array(text, { maxLength: 3 }),
      attempts: fc.array(
        fc.record({
          attemptId: text,
          slotIndex: fc.integer({ min: 0, max: 8 }),
          state: fc.constantFrom('RUNNING', 'FAILED'),
          error: fc.option(error),
          checkpointIdSeen: fc.integer({ min: 0, max: 99 }),
          source: fc.option(
            fc.record({
              drained: fc.boolean(),
              splitsWanted: fc.integer({ min: 0, max: 9 }),
              splits: fc.option(
                fc.array(
                  fc.record({
                    beforeCheckpoint: fc.option(fc.integer({ min: 1, max: 9 })),
                    splits: fc.array(fc.record({ uri: text })),
                  }),
                  { maxLength: 2 },
                ),
              ),
            }),
          ),
        }),
        { maxLength: 2 },
      ),
      hostName: text,
      processId: number,
      cpuCores: number,
      memoryBytes: number,
    }),
  }),
  fc.record({
    kind: fc.constant('heartbeat' as const),
    sentAtMs: number,
    subtasks: fc.array(metrics, { maxLength: 2 }),
    process: fc.record({ rssBytes: number, cpuCoresUsed: number, eventLoopDelayMs: number }),
  }),
  fc.record({
    kind: fc.constant('task-state' as const),
    attemptId: text,
    state: fc.constantFrom('INITIALIZING', 'RUNNING', 'FINISHED', 'CANCELED', 'FAILED'),
    error: fc.option(error),
    metrics: fc.option(metrics),
  }),
  fc.record({ kind: fc.constant('split-request' as const), attemptId: text, count: number }),
  fc.record({ kind: fc.constant('leaving' as const), reason: text }),
  fc.record({ kind: fc.constant('drain' as const) }),
);

test('when a task manager says anything, then the job manager hears the same', () => {
  fc.assert(
    fc.property(taskManagerMessage, (message) => {
      // fast-check makes objects without a prototype; a clone has an ordinary one.
      assert.deepEqual(structuredClone(throughWire(message)), structuredClone(message));
    }),
  );
});

const JOB_MANAGER_MESSAGES: readonly JobManagerMessage[] = [
  {
    kind: 'registered',
    jobManagerId: 'jm',
    epoch: 7,
    heartbeatIntervalMs: 1_000,
    heartbeatTimeoutMs: 5_000,
  },
  {
    kind: 'refused',
    error: {
      code: 'PROTOCOL_VIOLATION',
      message: 'no',
      domain: 'user',
      retry: 'none',
      context: { a: 'b' },
      causes: ['because'],
    },
  },
  { kind: 'deploy-task', deployment: { attemptId: 'j/v/0/0', operators: [] } as never },
  { kind: 'cancel-task', attemptId: 'j/v/0/0' },
  { kind: 'assign-splits', attemptId: 'j/v/0/0', splits: [{ from: 0, to: 1 }, 'ü'] },
  { kind: 'no-more-splits', attemptId: 'j/v/0/0' },
  {
    kind: 'trigger-checkpoint',
    attemptId: 'j/v/0/0',
    barrier: {
      kind: 'barrier',
      checkpointId: 3,
      triggeredAtMs: 1_700_000_000_000,
      alignment: 'aligned',
      purpose: 'savepoint',
    },
  },
  { kind: 'checkpoint-complete', attemptId: 'j/v/0/0', checkpointId: 3 },
  { kind: 'checkpoint-aborted', attemptId: 'j/v/0/0', checkpointId: 4 },
  { kind: 'drain-state', drained: true },
  { kind: 'heartbeat-reply', sentAtMs: 17 },
];

for (const message of JOB_MANAGER_MESSAGES) {
  test(`when the job manager says ${message.kind}, then the task manager hears the same`, () => {
    const bytes = Connect.responseSerialize(encodeJobManagerMessage(message));
    const info = Connect.responseDeserialize(bytes) as JobManagerOutput;
    assert.deepEqual(decodeJobManagerMessage(info), message);
  });
}

const VIOLATIONS: Readonly<Record<string, Parameters<typeof Connect.requestSerialize>[0]>> = {
  'an empty message': {},
  'an unknown state': { taskState: { attemptId: 'a', state: 'DEPLOYING' } },
  'an inherited name as a state': { taskState: { attemptId: 'a', state: 'constructor' } },
  'no id': { register: { taskManagerId: '' } },
  'an unknown device': { register: { taskManagerId: 'a', slots: [{ device: 'tpu' }] } },
  'too many slots': {
    register: { taskManagerId: 'a', slots: Array(1_025).fill({ device: 'cpu' }) },
  },
};

for (const [what, info] of Object.entries(VIOLATIONS)) {
  test(`when a task manager sends ${what}, then it is a protocol violation`, () => {
    const received = Connect.requestDeserialize(Connect.requestSerialize(info));
    assert.throws(() => decodeTaskManagerMessage(received as TaskManagerOutput), {
      code: 'PROTOCOL_VIOLATION',
    });
  });
}

test('when another version names an unknown error code, then it is internal and kept', () => {
  const bytes = Connect.requestSerialize({
    taskState: { attemptId: 'a', state: 'FAILED', error: { code: 'NEW_CODE', domain: '?' } },
  });
  const message = decodeTaskManagerMessage(Connect.requestDeserialize(bytes) as TaskManagerOutput);
  assert.ok(message.kind === 'task-state');
  assert.equal(message.error?.code, 'INTERNAL');
  assert.equal(message.error?.domain, 'internal');
  assert.deepEqual(message.error?.context, { code: 'NEW_CODE' });
});

test('when the protos change, then the generated types have been made anew', () => {
  const root = join(import.meta.dirname, '..', '..', '..');
  const fresh = mkdtempSync(join(tmpdir(), 'sluice-proto-'));
  try {
    execFileSync(process.execPath, [join(root, 'proto', 'generate.ts'), fresh]);
    const committed = join(root, 'proto', 'generated');
    assert.deepEqual(texts(committed), texts(fresh), 'run `npm run proto`');
  } finally {
    rmSync(fresh, { recursive: true });
  }
});

function texts(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    files
      .filter((file) => statSync(join(folder, file)).isFile())
      .map((file) => [file, readFileSync(join(folder, file), 'utf8')]),
  );
}
