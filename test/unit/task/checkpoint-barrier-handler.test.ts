import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type AlignmentStep,
  CheckpointBarrierHandler,
} from '../../../taskmanager/task/checkpoint-barrier-handler.ts';
import { barrier } from '../../support/task-harness.ts';

/** `0:7`: barrier 7 in channel 0; `0:end`: the channel's end; `abort 7`. */
type Event = string;
/** `7`: aligned; `+0`: block channel 0; `-0`: resume it. */
type Effects = string;

function effects(step: AlignmentStep): Effects {
  return [
    ...(step.aligned === null ? [] : [String(step.aligned.barrier.checkpointId)]),
    ...step.block.map((channel) => `+${channel}`),
    ...step.resume.map((channel) => `-${channel}`),
  ].join(' ');
}

function run(
  channels: number,
  mode: 'exactly-once' | 'at-least-once',
  events: readonly Event[],
): Effects[] {
  const handler = new CheckpointBarrierHandler({ channels, mode });
  return events.map((event, nowMs) => {
    if (event.startsWith('abort ')) return effects(handler.aborted(Number(event.slice(6))));
    const [channel = '', what = ''] = event.split(':');
    if (what === 'end') return effects(handler.channelEnded(Number(channel), nowMs));
    return effects(handler.barrier(Number(channel), barrier(Number(what)), nowMs));
  });
}

const EXACTLY_ONCE: readonly {
  readonly title: string;
  readonly channels: number;
  readonly events: readonly (readonly [Event, Effects])[];
}[] = [
  {
    title: 'when there is one channel, then every barrier is aligned at once',
    channels: 1,
    events: [
      ['0:1', '1'],
      ['0:2', '2'],
    ],
  },
  {
    title: 'when barriers come one after the other, then those in front wait for the last',
    channels: 3,
    events: [
      ['1:1', '+1'],
      ['0:1', '+0'],
      ['2:1', '1 -0 -1'],
      ['2:2', '+2'],
      ['1:2', '+1'],
      ['0:2', '2 -1 -2'],
    ],
  },
  {
    title: 'when a channel ends, then it has delivered its barrier',
    channels: 3,
    events: [
      ['0:1', '+0'],
      ['1:end', ''],
      ['2:1', '1 -0'],
      ['0:2', '+0'],
      ['2:end', '2 -0'],
      ['0:3', '3'],
    ],
  },
  {
    title: 'when a newer checkpoint begins, then the older alignment ends and its channels go on',
    channels: 2,
    events: [
      ['0:1', '+0'],
      ['1:2', '+1 -0'],
      ['0:2', '2 -1'],
    ],
  },
  {
    title: 'when the same channel brings a newer barrier, then it stays blocked, for that one',
    channels: 2,
    events: [
      ['0:1', '+0'],
      ['0:2', '+0'],
      ['1:2', '2 -0'],
    ],
  },
  {
    title: 'when the newer barrier aligns at once, then the older one lets go of everything',
    channels: 2,
    events: [
      ['0:1', '+0'],
      ['1:end', '1 -0'],
      ['0:2', '2'],
    ],
  },
  {
    title: 'when a barrier is late, then it is not heard',
    channels: 2,
    events: [
      ['0:2', '+0'],
      ['1:1', ''],
      ['1:2', '2 -0'],
      ['1:1', ''],
      ['0:2', ''],
    ],
  },
  {
    title: 'when the checkpoint is aborted, then its channels go on and the rest is not heard',
    channels: 3,
    events: [
      ['0:1', '+0'],
      ['1:1', '+1'],
      ['abort 1', '-0 -1'],
      ['2:1', ''],
      ['2:2', '+2'],
    ],
  },
  {
    title: 'when a checkpoint is aborted before its first barrier, then its barriers do nothing',
    channels: 2,
    events: [
      ['abort 3', ''],
      ['0:3', ''],
      ['1:3', ''],
      ['0:4', '+0'],
      ['abort 3', ''],
      ['1:4', '4 -0'],
      ['abort 4', ''],
    ],
  },
];

describe('alignment, exactly once', () => {
  for (const { title, channels, events } of EXACTLY_ONCE) {
    it(title, () => {
      const expected = events.map(([, effect]) => effect);
      const given = events.map(([event]) => event);
      assert.deepEqual(run(channels, 'exactly-once', given), expected);
    });
  }

  it('when all have come, then the alignment has lasted from the first to the last', () => {
    const handler = new CheckpointBarrierHandler({ channels: 2, mode: 'exactly-once' });
    handler.barrier(1, barrier(1), 10);
    assert.equal(handler.current?.checkpointId, 1);
    assert.equal(handler.barrier(0, barrier(1), 35).aligned?.alignmentMs, 25);
    assert.equal(handler.current, null);
  });
});

describe('alignment, at least once', () => {
  it('when barriers come, then nothing is ever blocked and the last one counts', () => {
    const events = ['0:1', '2:1', '1:1', '0:2', '0:3', '1:2', '1:3', '2:3', 'abort 4', '0:4'];
    assert.deepEqual(run(3, 'at-least-once', events), ['', '', '1', '', '', '', '', '3', '', '']);
  });
});
