/**
 * Timers are state (Flink's InternalTimerService): registered at the current key, part of every
 * snapshot, redistributed with their key groups. Of equal timers of a key there is one. The state
 * says which timers exist; the queue in front of it, on the heap with every backend, says which is
 * next (some 60 bytes a timer; one that was deleted leaves it when its time comes). Event-time
 * timers fire when the watermark passes them, processing-time timers by the clock. Slot's thread.
 */
import type { CancelTimer } from '../../shared/time/clock.ts';
import type { KeyedState } from './keyed-state.ts';
import type { StateKey } from './state-key.ts';
import type { MapState } from './states.ts';
import { type QueuedTimer, TimerQueue } from './timer-queue.ts';

export interface TimerHandlers {
  /** The watermark has passed it. The current key is the timer's. */
  onEventTime?(timestampMs: number, key: StateKey): void;
  /** The clock has. */
  onProcessingTime?(timestampMs: number, key: StateKey): void;
}

export interface TimerServiceOptions {
  readonly state: KeyedState;
  /** Unique in its operator. */
  readonly name: string;
  readonly handlers: TimerHandlers;
  readonly nowMs: () => number;
  /** Of the operator's context: the callback runs between records. */
  readonly setTimer: (delayMs: number, callback: () => void) => CancelTimer;
}

type Domain = 'event' | 'processing';

/** To be made in the operator's `open`: what was restored is then in the state. */
export class TimerService {
  readonly #options: TimerServiceOptions;
  readonly #event: TimersOfDomain;
  readonly #processing: TimersOfDomain;
  #watermarkMs = Number.NEGATIVE_INFINITY;
  #alarm: { readonly atMs: number; readonly cancel: CancelTimer } | null = null;

  constructor(options: TimerServiceOptions) {
    this.#options = options;
    this.#event = new TimersOfDomain(options, 'event');
    this.#processing = new TimersOfDomain(options, 'processing');
    this.#setAlarm();
  }

  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** At the current key; one that is behind the watermark fires when the next watermark comes. */
  registerEventTime(timestampMs: number): void {
    this.#event.register(timestampMs);
  }

  deleteEventTime(timestampMs: number): void {
    this.#event.delete(timestampMs);
  }

  registerProcessingTime(timestampMs: number): void {
    this.#processing.register(timestampMs);
    this.#setAlarm();
  }

  deleteProcessingTime(timestampMs: number): void {
    this.#processing.delete(timestampMs);
  }

  /** Fires what it passes, in order of time. */
  advanceWatermark(watermarkMs: number): void {
    this.#watermarkMs = Math.max(this.#watermarkMs, watermarkMs);
    const { handlers } = this.#options;
    this.#event.fireUpTo(this.#watermarkMs, (timestampMs, key) =>
      handlers.onEventTime?.(timestampMs, key),
    );
  }

  close(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
  }

  /** For the earliest processing-time timer. */
  #setAlarm(): void {
    const next = this.#processing.nextMs;
    if (this.#alarm !== null && (next === null || next >= this.#alarm.atMs)) return;
    this.#alarm?.cancel();
    this.#alarm = null;
    if (next === null) return;
    const delayMs = Math.max(0, next - this.#options.nowMs());
    const cancel = this.#options.setTimer(delayMs, () => this.#ring());
    this.#alarm = { atMs: next, cancel };
  }

  #ring(): void {
    this.#alarm = null;
    const { handlers, nowMs } = this.#options;
    this.#processing.fireUpTo(nowMs(), (timestampMs, key) =>
      handlers.onProcessingTime?.(timestampMs, key),
    );
    this.#setAlarm();
  }
}

class TimersOfDomain {
  readonly #state: KeyedState;
  /** By timestamp; what counts. */
  readonly #timers: MapState<number, true>;
  readonly #queue = new TimerQueue();

  constructor({ state, name }: TimerServiceOptions, domain: Domain) {
    this.#state = state;
    this.#timers = state.map<number, true>({ name: `timers/${domain}/${name}` });
    for (const [key, timestampMs] of this.#timers.all()) this.#queue.push({ timestampMs, key });
  }

  get nextMs(): number | null {
    return this.#queue.first?.timestampMs ?? null;
  }

  register(timestampMs: number): void {
    if (this.#timers.has(timestampMs)) return;
    this.#timers.put(timestampMs, true);
    this.#queue.push({ timestampMs, key: this.#state.currentKey });
  }

  delete(timestampMs: number): void {
    this.#timers.remove(timestampMs);
  }

  /** A handler may register further timers: those that are due fire too. */
  fireUpTo(limitMs: number, fire: (timestampMs: number, key: StateKey) => void): void {
    for (let timer = this.#queue.first; timer !== null; timer = this.#queue.first) {
      if (timer.timestampMs > limitMs) return;
      this.#queue.pop();
      this.#fireOne(timer, fire);
    }
  }

  #fireOne(
    { timestampMs, key }: QueuedTimer,
    fire: (timestampMs: number, key: StateKey) => void,
  ): void {
    this.#state.setCurrentKey(key);
    // Deleted meanwhile, or queued twice by being deleted and registered again.
    if (!this.#timers.has(timestampMs)) return;
    this.#timers.remove(timestampMs);
    fire(timestampMs, key);
  }
}
