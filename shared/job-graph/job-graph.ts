import type { CheckpointSettings, RestartSettings } from '../checkpoint/checkpoint-settings.ts';
import type { StateSettings } from '../checkpoint/state-backend.ts';
import type { CompiledOptions, OperatorKind } from './compiled-options.ts';

/**
 * The JobGraph (Flink's term): the pipeline after compilation, operators chained into vertices.
 * Plain JSON; task managers get the parts they need of it.
 */
export interface JobGraph {
  readonly name: string;
  /** In topological order. */
  readonly vertices: readonly JobVertex[];
  readonly edges: readonly JobEdge[];
  /** True where every source ends by itself. */
  readonly bounded: boolean;
  /** What a rejected record does; `dead-letter` where it is absent. */
  readonly onError?: 'dead-letter' | 'fail';
  /** Null or absent: none are taken, and a failure ends the job. Needs a job manager with storage. */
  readonly checkpoints?: CheckpointSettings | null;
  /** Absent: `RESTART_DEFAULT`. Only with checkpoints. */
  readonly restart?: RestartSettings;
  /** `STATE_DEFAULTS` where it is absent. */
  readonly state?: StateSettings;
}

/** A chain of operators that run as one task, by direct calls. */
export interface JobVertex {
  /** The node name of the chain's head; unique in the graph. */
  readonly id: string;
  /** For people: `images → tensors → classes`. */
  readonly name: string;
  /** A tree in topological order: the head first, every other one chained to an earlier one. */
  readonly operators: readonly OperatorNode[];
  /** Fixed by the pipeline, or null: as many subtasks as there are matching slots. */
  readonly parallelism: number | null;
  readonly maxParallelism: number;
  readonly resources: ResourceProfile;
}

export type OperatorNode = {
  [Kind in OperatorKind]: {
    /** The node's name in the pipeline; unique in the graph. */
    readonly id: string;
    readonly kind: Kind;
    readonly options: CompiledOptions[Kind];
    /** The operator of the same chain that feeds this one; null for the head. */
    readonly chainedTo: string | null;
  };
}[OperatorKind];

/** An exchange between two vertices. */
export interface JobEdge {
  /** `<source operator>-><target operator>`. */
  readonly id: string;
  readonly sourceVertex: string;
  /** The operator in the source vertex whose output it carries. */
  readonly sourceOperator: string;
  readonly targetVertex: string;
  readonly partitioner: Partitioner;
}

export type Partitioner =
  /** Subtask i to subtask i; only between vertices of equal parallelism. */
  | { readonly kind: 'forward' }
  /** Round robin over the consumers with credit. */
  | { readonly kind: 'rebalance' }
  /** By the key group of these fields. */
  | { readonly kind: 'hash'; readonly keyBy: readonly string[] }
  /** Every record to every consumer. */
  | { readonly kind: 'broadcast' };

/** What a subtask needs of its slot; subtasks of equal profiles share slots. */
export interface ResourceProfile {
  readonly device: 'cpu' | 'gpu';
  readonly labels: Readonly<Record<string, string>>;
  readonly fallback: 'none' | 'cpu';
}

/** The default for keyed state: 128 key groups (Flink's default lower bound). */
export const MAX_PARALLELISM_DEFAULT = 128;
