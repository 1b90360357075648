/**
 * States by name. Values are plain data (what `shared/serialization` encodes) and never changed in
 * place by their owner: a snapshot may still hold them.
 */
export interface StateDescriptor<T> {
  /** Unique in its operator; part of every snapshot. */
  readonly name: string;
  /**
   * Makes a value of what was stored, possibly by another version of the program: fields that are
   * missing get a default, unknown ones may stay. Default: the value as it was stored.
   */
  readonly upgrade?: (stored: unknown) => T;
}

export interface ReducingStateDescriptor<T> extends StateDescriptor<T> {
  /** Must not change its arguments. */
  readonly reduce: (before: T, value: T) => T;
}

/**
 * For values that are objects and gain fields: what is missing in a stored one comes from
 * `defaults`, what is unknown stays, so that an older version finds it again.
 */
export function withDefaults<T extends object>(defaults: T): (stored: unknown) => T {
  return (stored) => ({ ...defaults, ...(stored as Partial<T>) });
}
