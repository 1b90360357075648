import type { JobEdge, Partitioner, ResourceProfile } from '../../shared/job-graph/job-graph.ts';
import type {
  InputChannelDescriptor,
  InputGateDescriptor,
  ResultPartitionDescriptor,
  TaskDeployment,
} from '../../shared/job-graph/task-deployment.ts';
import type { Execution, ExecutionGraph } from './execution-graph.ts';

/** What the task manager of this execution needs to run it. */
export function taskDeployment(graph: ExecutionGraph, execution: Execution): TaskDeployment {
  const { vertex } = execution;
  const { edges } = graph.jobGraph;
  return {
    jobId: graph.jobId,
    jobName: graph.jobGraph.name,
    attemptId: execution.attemptId,
    vertexId: vertex.id,
    vertexName: vertex.name,
    subtaskIndex: execution.subtask,
    parallelism: graph.ofVertex(vertex.id).length,
    maxParallelism: vertex.maxParallelism,
    attempt: execution.attempt,
    slotIndex: execution.slot.slotIndex,
    resources: resourcesOnSlot(vertex.resources, execution),
    operators: vertex.operators,
    onError: graph.jobGraph.onError ?? 'dead-letter',
    inputs: edges
      .filter((edge) => edge.targetVertex === vertex.id)
      .map((edge) => inputGate(graph, edge, execution)),
    outputs: edges
      .filter((edge) => edge.sourceVertex === vertex.id)
      .map((edge) => resultPartition(graph, edge, execution)),
    checkpoints: null,
    restore: null,
    ...(graph.jobGraph.state === undefined ? {} : { state: graph.jobGraph.state }),
  };
}

/** A vertex that fell back to a cpu slot runs on the cpu; one for the cpu does so on any slot. */
function resourcesOnSlot(wanted: ResourceProfile, { slot }: Execution): ResourceProfile {
  return wanted.device === 'gpu' && slot.device === 'cpu' ? { ...wanted, device: 'cpu' } : wanted;
}

function resultPartition(
  graph: ExecutionGraph,
  edge: JobEdge,
  producer: Execution,
): ResultPartitionDescriptor {
  const consumers = graph.ofVertex(edge.targetVertex);
  const partitioner = effectivePartitioner(graph, edge);
  return {
    partitionId: partitionId(producer, edge),
    sourceOperator: edge.sourceOperator,
    partitioner,
    // A forward partition has one reader, the subtask of the same index.
    subpartitions: partitioner.kind === 'forward' ? 1 : consumers.length,
    maxParallelism: consumers[0]?.vertex.maxParallelism ?? producer.vertex.maxParallelism,
  };
}

function inputGate(graph: ExecutionGraph, edge: JobEdge, consumer: Execution): InputGateDescriptor {
  const producers = graph.ofVertex(edge.sourceVertex);
  const forward = effectivePartitioner(graph, edge).kind === 'forward';
  const read = forward
    ? producers.filter((producer) => producer.subtask === consumer.subtask)
    : producers;
  const channels = read.map(
    (producer): InputChannelDescriptor => ({
      partitionId: partitionId(producer, edge),
      subpartition: forward ? 0 : consumer.subtask,
      producer: producer.slot.dataAddress,
    }),
  );
  return { edgeId: edge.id, channels };
}

/** Forward needs equal parallelism; where the slots gave the two sides different ones, rebalance. */
function effectivePartitioner(graph: ExecutionGraph, edge: JobEdge): Partitioner {
  if (edge.partitioner.kind !== 'forward') return edge.partitioner;
  const equal =
    graph.ofVertex(edge.sourceVertex).length === graph.ofVertex(edge.targetVertex).length;
  return equal ? edge.partitioner : { kind: 'rebalance' };
}

function partitionId(producer: Execution, edge: JobEdge): string {
  return `${producer.attemptId}#${edge.id}`;
}
