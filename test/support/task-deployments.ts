/** Deployments as a job manager would make them, for tests of one task manager. */
import type { TaskRestore } from '../../shared/checkpoint/snapshot.ts';
import type { OperatorNode, Partitioner } from '../../shared/job-graph/job-graph.ts';
import type {
  DataAddress,
  TaskCheckpointing,
  TaskDeployment,
} from '../../shared/job-graph/task-deployment.ts';

export interface TestVertex {
  readonly id: string;
  readonly operators: readonly OperatorNode[];
  readonly parallelism: number;
}

export interface TestEdge {
  readonly source: string;
  readonly target: string;
  readonly partitioner: Partitioner;
}

const MAX_PARALLELISM = 128;

/** Subtask i of every vertex goes to slot i; all of them to the one task manager at `address`. */
export function deployments(
  jobId: string,
  vertices: readonly TestVertex[],
  edges: readonly TestEdge[],
  address: DataAddress,
  options: {
    readonly attempt?: number;
    readonly checkpoints?: TaskCheckpointing;
    readonly restoreOf?: (vertexId: string, subtask: number) => TaskRestore;
  } = {},
): TaskDeployment[] {
  const { attempt = 0, checkpoints = null, restoreOf = () => null } = options;
  const attemptId = (vertex: string, subtask: number) => `${jobId}/${vertex}/${subtask}/${attempt}`;
  const edgeId = (edge: TestEdge) => `${edge.source}->${edge.target}`;
  const byId = new Map(vertices.map((vertex) => [vertex.id, vertex]));
  return vertices.flatMap((vertex) =>
    Array.from(
      { length: vertex.parallelism },
      (_, subtask): TaskDeployment => ({
        jobId,
        jobName: jobId,
        attemptId: attemptId(vertex.id, subtask),
        vertexId: vertex.id,
        vertexName: vertex.id,
        subtaskIndex: subtask,
        parallelism: vertex.parallelism,
        maxParallelism: MAX_PARALLELISM,
        attempt,
        slotIndex: subtask,
        resources: { device: 'cpu', labels: {}, fallback: 'none' },
        operators: vertex.operators,
        onError: 'dead-letter',
        checkpoints,
        restore: restoreOf(vertex.id, subtask),
        inputs: edges
          .filter(({ target }) => target === vertex.id)
          .map((edge) => ({
            edgeId: edgeId(edge),
            channels: Array.from(
              { length: byId.get(edge.source)?.parallelism ?? 0 },
              (_, producer) => ({
                partitionId: `${attemptId(edge.source, producer)}#${edgeId(edge)}`,
                subpartition: subtask,
                producer: address,
              }),
            ),
          })),
        outputs: edges
          .filter(({ source }) => source === vertex.id)
          .map((edge) => ({
            partitionId: `${attemptId(vertex.id, subtask)}#${edgeId(edge)}`,
            sourceOperator: vertex.operators.at(-1)?.id ?? '',
            partitioner: edge.partitioner,
            subpartitions: byId.get(edge.target)?.parallelism ?? 0,
            maxParallelism: MAX_PARALLELISM,
          })),
      }),
    ),
  );
}
