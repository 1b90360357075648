/**
 * The life of a StreamTask inside its slot:
 *
 *   initializing ─► running ─► finishing ─► ending ─► ended
 *        │             │                      ▲
 *        └─────────────┴──────────────────────┘   (cancelled, failed)
 *
 * initializing: operators open. running: input is read. finishing: the input has ended; operators
 * and partitions give what they still hold. ending: the outcome is decided, everything is closed.
 */
export const TASK_TRANSITIONS = {
  initializing: ['running', 'ending'],
  running: ['finishing', 'ending'],
  finishing: ['ending'],
  ending: ['ended'],
  ended: [],
} as const satisfies Record<string, readonly string[]>;

export type TaskPhase = keyof typeof TASK_TRANSITIONS;
