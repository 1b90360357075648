import type { MessagePort } from 'node:worker_threads';
import type {
  InputGateDescriptor,
  ResultPartitionDescriptor,
} from '../../shared/job-graph/task-deployment.ts';
import type { InputGate } from '../task/input-gate.ts';
import type { ResultPartition } from '../task/result-partition.ts';
import type { ResultPartitionOptions, SlotNetworkOptions } from './network-options.ts';
import { nodeLinkPort } from './node-link-port.ts';
import { SlotNetworkCore } from './slot-network-core.ts';

/**
 * The data plane as a slot's worker thread sees it: makes the two ends of exchanges. One per slot,
 * on the port that the main thread's `NetworkHub.connectSlot()` gave.
 */
export class SlotNetwork {
  readonly #core: SlotNetworkCore;

  constructor(port: MessagePort, options: SlotNetworkOptions) {
    this.#core = new SlotNetworkCore(nodeLinkPort(port), {
      clock: options.clock,
      defer: queueMicrotask,
      openPort: (other) => nodeLinkPort(other as MessagePort),
    });
  }

  /** Registers the partition: requests for it that wait already are served now. */
  createResultPartition(
    descriptor: ResultPartitionDescriptor,
    options: ResultPartitionOptions,
  ): ResultPartition {
    return this.#core.createResultPartition(descriptor, options);
  }

  /** Requests every channel's subpartition; failures arrive through `onFailure`. */
  createInputGate(descriptor: InputGateDescriptor): InputGate {
    return this.#core.createInputGate(descriptor);
  }

  /** Closes what is still open and the port. */
  close(): void {
    this.#core.close();
  }
}
