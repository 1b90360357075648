/**
 * A slot's thread that exchanges whole buffers: it speaks to the hub as a slot network does, with the
 * same links, queues and credit, but encodes and decodes nothing. What remains is the data plane:
 * ports, hubs, frames, the socket.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../../shared/errors/invariant.ts';
import { END_OF_INPUT } from '../../shared/record/stream-event.ts';
import { encodeEvent } from '../../shared/serialization/event-codec.ts';
import { BufferPool } from '../../taskmanager/network/buffer-pool.ts';
import { FRAME_HEADER_BYTES } from '../../taskmanager/network/frame.ts';
import { InputChannel } from '../../taskmanager/network/input-channel.ts';
import { Link } from '../../taskmanager/network/link.ts';
import {
  HUB_LINK,
  type LinkMessage,
  RECYCLED_PER_MESSAGE,
} from '../../taskmanager/network/link-message.ts';
import {
  BUFFER_BYTES,
  CHANNEL_CREDIT_MAX,
  creditUnits,
} from '../../taskmanager/network/network-options.ts';
import { nodeLinkPort } from '../../taskmanager/network/node-link-port.ts';
import { SubpartitionQueue } from '../../taskmanager/network/subpartition-queue.ts';
import { preciseNowMs, type SlotData, type SlotResult } from './workload.ts';

const POOL_MAX = 256;
const PARTITION = { partitionId: 'bench/producer/0/0#edge', subpartition: 0 };

const data = workerData as SlotData;
const port = nodeLinkPort(data.networkPort);
const hub = new Link(HUB_LINK, port, queueMicrotask);
if (data.role === 'producer') produce();
else consume();

function produce(): void {
  const queue = new SubpartitionQueue();
  const pool = new BufferPool(POOL_MAX);
  let channel = 0;
  let left = data.workload.count;
  const fill = (): void => {
    while (queue.credit > 0 && queue.state === 'open') {
      if (left > 0) {
        queue.enqueue({ buffer: pool.take(), bytes: BUFFER_BYTES, kind: 'records' });
      } else {
        const buffer = encodeEvent(END_OF_INPUT, FRAME_HEADER_BYTES);
        queue.enqueue({ buffer, bytes: buffer.byteLength, kind: 'end-of-input' });
      }
      left -= 1;
      const next = queue.take();
      invariant(next !== null, 'what has credit may leave');
      const { buffer, bytes } = next.item;
      new DataView(buffer).setUint32(12, next.sequence, true);
      hub.send({ kind: 'data', channel, buffer, bytes });
    }
  };
  receive((message) => {
    if (message.kind === 'subscribe') {
      channel = message.channel;
      queue.subscribe(message.credit);
    } else if (message.kind === 'credit') {
      queue.grant(message.units);
    } else if (message.kind === 'recycle') {
      for (const buffer of message.buffers) pool.give(buffer);
    }
    fill();
  });
  hub.send({ kind: 'register-partition', partitionId: PARTITION.partitionId, subpartitions: 1 });
}

function consume(): void {
  const producer = data.producerAddress;
  invariant(producer !== null, 'a consumer knows where its producer is');
  const descriptor = { ...PARTITION, producer };
  const credit = CHANNEL_CREDIT_MAX;
  const channel = new InputChannel({ descriptor, index: 0, number: 1, credit });
  let elements = 0;
  let firstAtMs = 0;
  let recycled: ArrayBuffer[] = [];
  receive((message) => {
    if (message.kind !== 'data') return;
    const { buffer, bytes } = message;
    const violation = channel.accept(new DataView(buffer).getUint32(12, true), bytes, false);
    if (violation !== null) throw violation;
    if (bytes < BUFFER_BYTES) {
      report(elements, firstAtMs);
      return;
    }
    if (elements === 0) firstAtMs = preciseNowMs();
    elements += 1;
    channel.push({ kind: 'records', buffer, bytes, units: creditUnits(bytes) });
    channel.take();
    recycled.push(buffer);
    if (recycled.length === RECYCLED_PER_MESSAGE) {
      hub.send({ kind: 'recycle', buffers: recycled });
      recycled = [];
    }
    const units = channel.creditToGrant();
    if (units > 0) hub.send({ kind: 'credit', channel: 1, units });
  });
  hub.send({ kind: 'request', channel: 1, credit, ...descriptor });
}

function receive(handle: (message: LinkMessage) => void): void {
  port.onMessages((messages) => {
    for (const message of messages) {
      if (message.kind === 'failed') throw new Error(message.error.message);
      handle(message);
    }
  });
}

function report(elements: number, firstAtMs: number): void {
  const bytes = elements * BUFFER_BYTES;
  const lastAtMs = preciseNowMs();
  parentPort?.postMessage({ elements, bytes, keys: [], firstAtMs, lastAtMs } satisfies SlotResult);
}
