import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { OperatorContext } from './operator-context.ts';

/**
 * Asynchronous work on one record (Flink's AsyncFunction): decoding, inference, remote calls. The
 * runtime's AsyncWaitOperator keeps at most `concurrency` of them in flight, emits the results in
 * the order of the input (`ordered`) or as they complete, and lets no event overtake the records in
 * front of it, but for unaligned barriers: what is in flight then joins the snapshot, and after a
 * recovery the work on a record may begin anew.
 */
export interface AsyncFunction {
  /** Records in flight at most; read once, after `open`. */
  readonly concurrency: number;
  readonly ordered: boolean;
  open(context: OperatorContext): Promise<void> | void;
  /**
   * Starts the work. The promise gives the results (none, one, several). Rejecting with a SluiceError
   * of domain `user`, or of one of the record codes, sends the record to the dead letters; any other
   * rejection fails the task. Called from the task's loop; must not block.
   */
  invoke(record: StreamRecord): Promise<readonly StreamRecord[]>;
  /**
   * What a snapshot keeps of a record under way, where that is less than the whole: `invoke` must do
   * with it.
   */
  inputToStore?(record: StreamRecord): StreamRecord;
  close?(): Promise<void> | void;
}
