import type { CheckpointSettings, RestartSettings } from '../checkpoint/checkpoint-settings.ts';
import type { StateSettings } from '../checkpoint/state-backend.ts';
import type { PipelineSpec } from '../pipeline/pipeline-spec.ts';
import { estimateTraffic } from './estimate-traffic.ts';
import type { JobGraph, JobVertex, OperatorNode, Partitioner } from './job-graph.ts';

/**
 * What will run where, before anything runs: the data behind `sluice explain`. Pure functions of the
 * JobGraph and the spec; `explain-text` and `explain-mermaid` draw it.
 */
export interface Explanation {
  readonly name: string;
  readonly bounded: boolean;
  readonly onError: 'dead-letter' | 'fail';
  /** Where rejected records go; null: they are counted and logged. */
  readonly deadLetters: string | null;
  /** Null: none are taken, and a failure ends the job. */
  readonly checkpoints: CheckpointSettings | null;
  readonly restart: RestartSettings;
  readonly state: StateSettings;
  /** The logical plan, in topological order. */
  readonly nodes: readonly ExplainedNode[];
  readonly tasks: readonly ExplainedTask[];
  readonly exchanges: readonly ExplainedExchange[];
}

export interface ExplainedNode {
  readonly name: string;
  readonly category: 'source' | 'transform' | 'sink';
  readonly kind: string;
  readonly from: readonly string[];
  /** What matters most of its options: the path, the model, the expression. */
  readonly summary: string;
}

export interface ExplainedTask {
  readonly id: string;
  readonly chain: string;
  readonly operators: readonly string[];
  readonly device: 'cpu' | 'gpu';
  readonly fallback: 'none' | 'cpu';
  readonly labels: Readonly<Record<string, string>>;
  /** `adaptive`: one subtask on every matching slot. */
  readonly parallelism: number | 'adaptive';
  /** How many subtasks that is, where the slots are known. */
  readonly subtasks: number | null;
}

export interface ExplainedExchange {
  readonly from: string;
  readonly to: string;
  readonly partitioner: Partitioner['kind'];
  readonly keyBy: readonly string[];
  /** A rough estimate, see `estimateTraffic`. */
  readonly bytesPerRecord: number;
  readonly carriesTensor: boolean;
}

export interface ExplainOptions {
  /** Slots by device, where they are known. */
  readonly slots?: { readonly cpu: number; readonly gpu: number };
}

export function explain(
  graph: JobGraph,
  spec: PipelineSpec,
  options: ExplainOptions = {},
): Explanation {
  const operators = new Map(
    graph.vertices.flatMap((vertex) => vertex.operators).map((node) => [node.id, node]),
  );
  const traffic = estimateTraffic(graph);
  const specs = new Map(spec.nodes.map((node) => [node.name, node]));
  const names = graph.vertices.flatMap((vertex) => vertex.operators.map(({ id }) => id));
  return {
    name: graph.name,
    bounded: graph.bounded,
    onError: spec.onError,
    deadLetters: deadLettersOf(graph),
    checkpoints: spec.checkpoints,
    restart: spec.restart,
    state: spec.state,
    nodes: names.flatMap((name) => {
      const node = specs.get(name);
      const operator = operators.get(name);
      if (node === undefined || operator === undefined) return [];
      const { category, kind, from } = node;
      return [{ name, category, kind, from, summary: summarize(operator) }];
    }),
    tasks: graph.vertices.map((vertex) => explainTask(vertex, options)),
    exchanges: graph.edges.map((edge) => {
      const estimate = traffic.get(edge.sourceOperator);
      return {
        from: edge.sourceOperator,
        to: edge.targetVertex,
        partitioner: edge.partitioner.kind,
        keyBy: edge.partitioner.kind === 'hash' ? edge.partitioner.keyBy : [],
        bytesPerRecord: estimate?.bytesPerRecord ?? 0,
        carriesTensor: estimate?.carriesTensor ?? false,
      };
    }),
  };
}

function deadLettersOf(graph: JobGraph): string | null {
  for (const vertex of graph.vertices) {
    for (const node of vertex.operators) {
      if (node.kind === 'sink/dead-letters') return node.options.path;
    }
  }
  return null;
}

function explainTask(vertex: JobVertex, options: ExplainOptions): ExplainedTask {
  const { device, labels, fallback } = vertex.resources;
  return {
    id: vertex.id,
    chain: vertex.name,
    operators: vertex.operators.map(({ id }) => id),
    device,
    fallback,
    labels,
    parallelism: vertex.parallelism ?? 'adaptive',
    subtasks: vertex.parallelism ?? matchingSlots(vertex, options),
  };
}

/** Labels are not counted: which slots carry them is known only to the cluster. */
function matchingSlots(vertex: JobVertex, { slots }: ExplainOptions): number | null {
  if (slots === undefined || Object.keys(vertex.resources.labels).length > 0) return null;
  const { device, fallback } = vertex.resources;
  return device === 'gpu' && slots.gpu === 0 && fallback === 'cpu' ? slots.cpu : slots[device];
}

const EXPRESSION_LENGTH_MAX = 60;

/** Locations are never cut: they are there to be copied. */
function shortened(text: string): string {
  const isLong = text.length > EXPRESSION_LENGTH_MAX;
  return isLong ? `${text.slice(0, EXPRESSION_LENGTH_MAX)}…` : text;
}

function summarize(node: OperatorNode): string {
  switch (node.kind) {
    case 'source/files': {
      const { path, watch } = node.options;
      return watch === undefined ? path : `${path}, watched every ${watch / 1000} s`;
    }
    case 'source/datagen':
      return node.options.count === undefined ? 'endless' : `${node.options.count} records`;
    case 'transform/image-tensor': {
      const { cropHeight, cropWidth, color, resize } = node.options.preprocessing;
      const scaled = resize === null ? '' : `resize ${resize}, `;
      return `${scaled}crop ${cropHeight}×${cropWidth}, ${color}`;
    }
    case 'transform/onnx': {
      const { name, version } = node.options.model;
      return `${name} ${version}, top ${node.options.topK}`;
    }
    case 'transform/filter':
      return shortened(node.options.where);
    case 'transform/map':
      return shortened(Object.keys(node.options.fields).join(', '));
    case 'transform/count':
      return shortened(`by ${node.options.keyBy.join(', ')}`);
    case 'sink/files':
    case 'sink/thumbnails':
    case 'sink/dead-letters':
      return node.options.path;
    case 'sink/print':
    case 'sink/blackhole':
      return '';
    default:
      return node satisfies never;
  }
}
