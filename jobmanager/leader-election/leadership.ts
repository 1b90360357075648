/** The right to act as the leader, for one term; handed to everything that writes. */
export interface Leadership {
  /** The fencing token: every write carries it. */
  readonly epoch: number;
  /** Whether this process may act right now, by its own clock. Once false for good, never true again. */
  isValid(): boolean;
  /**
   * Reads the lease: true if it is still ours. What was written before the read began is seen by
   * every later leader.
   */
  confirm(): Promise<boolean>;
  /** A record carries a higher epoch than ours: somebody else leads, or the lease was lost. */
  superseded(epoch: number): void;
}
