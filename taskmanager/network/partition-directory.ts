/**
 * Which slot of this task manager has which result partition, and the requests that came before
 * their partition: they wait, bounded in number and time. Pure; the hub's thread.
 */
import { invariant } from '../../shared/errors/invariant.ts';
import type { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { partitionNotFound, requestRefused } from './network-errors.ts';

/** A consumer that wants a subpartition; `Slot` is how the hub knows its slots. */
export interface DirectoryRequest<Slot> {
  readonly partitionId: string;
  readonly subpartition: number;
  readonly credit: number;
  serve(producer: Slot): void;
  refuse(error: SluiceError): void;
}

interface Partition<Slot> {
  readonly slot: Slot;
  readonly subpartitions: number;
  /** A subpartition is read once. */
  readonly served: Set<number>;
}

interface WaitingRequest<Slot> {
  readonly request: DirectoryRequest<Slot>;
  readonly cancelTimer: CancelTimer;
}

export class PartitionDirectory<Slot> {
  readonly #clock: Clock;
  readonly #waitingMax: number;
  readonly #timeoutMs: number;
  readonly #partitions = new Map<string, Partition<Slot>>();
  readonly #waiting = new Map<string, Set<WaitingRequest<Slot>>>();
  #waitingCount = 0;

  constructor(options: {
    readonly clock: Clock;
    readonly waitingMax: number;
    readonly timeoutMs: number;
  }) {
    this.#clock = options.clock;
    this.#waitingMax = options.waitingMax;
    this.#timeoutMs = options.timeoutMs;
  }

  register(partitionId: string, slot: Slot, subpartitions: number): void {
    invariant(!this.#partitions.has(partitionId), 'a partition is registered once', {
      partitionId,
    });
    const partition = { slot, subpartitions, served: new Set<number>() };
    this.#partitions.set(partitionId, partition);
    const waitingRequests = this.#waiting.get(partitionId) ?? new Set();
    this.#waiting.delete(partitionId);
    this.#waitingCount -= waitingRequests.size;
    for (const waiting of waitingRequests) {
      waiting.cancelTimer();
      this.#serve(partition, waiting.request);
    }
  }

  release(partitionId: string): void {
    this.#partitions.delete(partitionId);
  }

  /** All partitions of a slot that has ended. */
  releaseSlot(slot: Slot): void {
    for (const [partitionId, partition] of this.#partitions) {
      if (partition.slot === slot) this.#partitions.delete(partitionId);
    }
  }

  /**
   * Serves or refuses the request now, or lets it wait; the returned function forgets it while it
   * waits.
   */
  request(request: DirectoryRequest<Slot>): () => void {
    const { partitionId } = request;
    const partition = this.#partitions.get(partitionId);
    if (partition !== undefined) {
      this.#serve(partition, request);
      return () => {};
    }
    if (this.#waitingCount >= this.#waitingMax) {
      request.refuse(requestRefused(partitionId, `${this.#waitingMax} requests wait already`));
      return () => {};
    }
    const waiting: WaitingRequest<Slot> = {
      request,
      cancelTimer: this.#clock.setTimer(this.#timeoutMs, () => {
        this.#remove(partitionId, waiting);
        request.refuse(partitionNotFound(partitionId, this.#timeoutMs));
      }),
    };
    const others = this.#waiting.get(partitionId) ?? new Set();
    this.#waiting.set(partitionId, others.add(waiting));
    this.#waitingCount += 1;
    return () => {
      waiting.cancelTimer();
      this.#remove(partitionId, waiting);
    };
  }

  get waitingCount(): number {
    return this.#waitingCount;
  }

  #serve(partition: Partition<Slot>, request: DirectoryRequest<Slot>): void {
    const { partitionId, subpartition } = request;
    if (subpartition >= partition.subpartitions) {
      request.refuse(requestRefused(partitionId, `there is no subpartition ${subpartition}`));
    } else if (partition.served.has(subpartition)) {
      request.refuse(requestRefused(partitionId, `subpartition ${subpartition} is read already`));
    } else {
      partition.served.add(subpartition);
      request.serve(partition.slot);
    }
  }

  #remove(partitionId: string, waiting: WaitingRequest<Slot>): void {
    const requests = this.#waiting.get(partitionId);
    if (requests?.delete(waiting) !== true) return;
    this.#waitingCount -= 1;
    if (requests.size === 0) this.#waiting.delete(partitionId);
  }
}
