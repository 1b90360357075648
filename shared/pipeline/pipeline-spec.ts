import type { z } from 'zod';
import type { CheckpointSettings, RestartSettings } from '../checkpoint/checkpoint-settings.ts';
import type { StateSettings } from '../checkpoint/state-backend.ts';
import type { ResourceRequest } from './kinds/common.ts';
import type { KINDS, NodeCategory } from './kinds/kinds.ts';
import type { DeadLettersOptions } from './kinds/sink-files.ts';

/** A pipeline as its author wrote it, parameters put in, options checked and complete. */
export interface PipelineSpec {
  readonly name: string;
  /** In the order of the file. */
  readonly nodes: readonly NodeSpec[];
  readonly deadLetters: DeadLettersOptions | null;
  readonly onError: 'dead-letter' | 'fail';
  /** For nodes that name none; null: as many as there are slots. */
  readonly parallelism: number | null;
  /** Null: none are taken. */
  readonly checkpoints: CheckpointSettings | null;
  readonly restart: RestartSettings;
  readonly state: StateSettings;
}

/** What every node has beside the options of its kind. */
export interface NodeCommon {
  readonly name: string;
  /** Upstream nodes; empty for sources. */
  readonly from: readonly string[];
  readonly parallelism: number | null;
  readonly resources: ResourceRequest | null;
  /** How records travel to this node; null: forward where it can be, else rebalance. */
  readonly partition: 'forward' | 'rebalance' | 'broadcast' | null;
  /** Not empty: records are partitioned by these fields. */
  readonly keyBy: readonly string[];
  /** False: never chained to what is upstream. */
  readonly chain: boolean;
}

export type NodeSpec = {
  [Category in NodeCategory]: {
    [Kind in keyof (typeof KINDS)[Category]]: NodeCommon & {
      readonly category: Category;
      readonly kind: Kind;
      readonly options: z.output<Extract<(typeof KINDS)[Category][Kind], z.ZodType>>;
    };
  }[keyof (typeof KINDS)[Category]];
}[NodeCategory];
