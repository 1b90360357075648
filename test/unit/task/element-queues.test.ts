import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type {
  ElementQueue,
  PendingElement,
} from '../../../taskmanager/operators/runtime/element-queue.ts';
import { OrderedElementQueue } from '../../../taskmanager/operators/runtime/ordered-element-queue.ts';
import { UnorderedElementQueue } from '../../../taskmanager/operators/runtime/unordered-element-queue.ts';
import { barrier, record } from '../../support/task-harness.ts';

const element = (n: number): PendingElement => ({
  kind: 'record',
  record: record(n),
  isRestored: false,
  startedAtMs: 0,
  results: null,
  error: null,
  onDone: null,
});

/** Takes all that may leave: numbers of records, `w<mark>` for events. */
function takeAll(queue: ElementQueue): string[] {
  const left: string[] = [];
  for (let next = queue.peek(); next !== null; next = queue.peek()) {
    queue.take();
    if (next.kind === 'record') left.push(String(next.record.value['n']));
    else if (next.event.kind === 'watermark') left.push(`w${next.event.timestampMs}`);
  }
  return left;
}

function complete(queue: ElementQueue, pending: PendingElement): void {
  pending.results = [];
  queue.complete(pending);
}

const event = (timestampMs: number) =>
  ({ kind: 'event', event: { kind: 'watermark', timestampMs } }) as const;

describe('element queues', () => {
  it('when a later record completes first, then only the unordered queue lets it out', () => {
    const ordered = new OrderedElementQueue();
    const unordered = new UnorderedElementQueue();
    for (const [queue, expected] of [
      [ordered, []],
      [unordered, ['1']],
    ] as const) {
      const [first, second] = [element(0), element(1)];
      queue.addRecord(first);
      queue.addRecord(second);
      complete(queue, second);
      assert.deepEqual(takeAll(queue), expected);
      complete(queue, first);
      takeAll(queue);
      assert.ok(queue.isEmpty);
    }
  });

  it('when barriers are taken out, then all records are known, and none overtakes other events', () => {
    for (const queue of [new OrderedElementQueue(), new UnorderedElementQueue()]) {
      const elements = [0, 1, 2, 3].map(element) as [
        PendingElement,
        PendingElement,
        PendingElement,
        PendingElement,
      ];
      queue.addRecord(elements[0]);
      queue.addEvent({ kind: 'event', event: barrier(1) });
      queue.addRecord(elements[1]);
      queue.addEvent(event(5));
      queue.addRecord(elements[2]);
      queue.addEvent({ kind: 'event', event: barrier(2) });
      queue.addRecord(elements[3]);
      complete(queue, elements[1]);
      complete(queue, elements[3]);
      const numbers = queue.records().map(({ record: { value } }) => value['n']);
      assert.deepEqual(numbers.toSorted(), [0, 1, 2, 3]);
      assert.deepEqual(queue.takeBarriers(), [barrier(1), barrier(2)]);
      complete(queue, elements[0]);
      complete(queue, elements[2]);
      assert.deepEqual(takeAll(queue).toSorted(), ['0', '1', '2', '3', 'w5']);
      assert.ok(queue.isEmpty);
    }
  });

  it('when an event stands between records, then none overtakes it, in either queue', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 40 }),
        fc.boolean(),
        fc.infiniteStream(fc.nat()),
        (isEvent, isOrdered, choices) => {
          const queue = isOrdered ? new OrderedElementQueue() : new UnorderedElementQueue();
          const pending: PendingElement[] = [];
          const segmentOf = new Map<string, number>();
          let segment = 0;
          isEvent.forEach((isMark, index) => {
            if (isMark) {
              queue.addEvent(event(segment));
              segment += 1;
              return;
            }
            const added = element(index);
            queue.addRecord(added);
            pending.push(added);
            segmentOf.set(String(index), segment);
          });
          const left = takeAll(queue);
          while (pending.length > 0) {
            const choice = (choices.next().value ?? 0) % pending.length;
            const [done] = pending.splice(choice, 1);
            complete(queue, done as PendingElement);
            left.push(...takeAll(queue));
          }
          assert.ok(queue.isEmpty);
          let reached = 0;
          for (const item of left) {
            if (item.startsWith('w')) {
              assert.equal(Number(item.slice(1)), reached);
              reached += 1;
            } else {
              assert.equal(segmentOf.get(item), reached);
            }
          }
          const records = left.filter((item) => !item.startsWith('w'));
          assert.equal(new Set(records).size, segmentOf.size);
          if (isOrdered) assert.deepEqual(records, [...segmentOf.keys()]);
        },
      ),
    );
  });
});
