import type { PlanNode } from '../job-graph/job-plan.ts';
import type {
  checkpointInfoSchema,
  checkpointsSummarySchema,
  jobCheckpointsDetailSchema,
  savepointAnswerSchema,
} from './checkpoint-schemas.ts';
import type {
  clusterSchema,
  configSchema,
  healthSchema,
  logSchema,
  taskManagerListSchema,
  taskManagerSchema,
} from './cluster-schemas.ts';
import type { problemSchema } from './common-schemas.ts';
import type {
  exceptionListSchema,
  jobDetailSchema,
  jobListSchema,
  jobPlanSchema,
  jobSummarySchema,
  submitJobAnswerSchema,
  subtaskListSchema,
  vertexListSchema,
  vertexSchema,
} from './job-schemas.ts';
import type {
  logQuerySchema,
  savepointRequestSchema,
  stopJobRequestSchema,
  submitJobRequestSchema,
} from './rest-schemas.ts';
import type { Described } from './schema-names.ts';

/** What travels over REST v1, as the schemas describe it; the command line knows only these. */

export type HealthAnswer = Described<typeof healthSchema>;
export type ClusterOverview = Described<typeof clusterSchema>;
export type SlotCounts = ClusterOverview['slots'];
export type TaskManagerInfo = Described<typeof taskManagerSchema>;
export type TaskManagerList = Described<typeof taskManagerListSchema>;
export type ConfigAnswer = Described<typeof configSchema>;
export type LogAnswer = Described<typeof logSchema>;

export type SubmitJobRequest = Described<typeof submitJobRequestSchema>;
export type SubmitJobAnswer = Described<typeof submitJobAnswerSchema>;
export type JobSummary = Described<typeof jobSummarySchema>;
export type JobList = Described<typeof jobListSchema>;
export type JobDetail = Described<typeof jobDetailSchema>;
export type JobPlan = Omit<Described<typeof jobPlanSchema>, 'nodes'> & {
  readonly nodes: readonly PlanNode[];
};
/** The first thing that went wrong, and where. */
export type JobFailure = NonNullable<JobDetail['failure']>;
/** A failure that the job survived, or did not. */
export type JobException = JobDetail['exceptions'][number];
export type JobExceptionList = Described<typeof exceptionListSchema>;
export type JobRescale = NonNullable<JobDetail['lastRescale']>;
export type JobProgress = JobDetail['progress'];
export type VertexList = Described<typeof vertexListSchema>;
export type VertexSummary = VertexList['vertices'][number];
export type VertexDetail = Described<typeof vertexSchema>;
export type OperatorDetail = VertexDetail['operators'][number];
export type SubtaskDetail = VertexDetail['subtasks'][number];
export type SubtaskList = Described<typeof subtaskListSchema>;

export type CheckpointsSummary = Described<typeof checkpointsSummarySchema>;
export type CheckpointCounts = CheckpointsSummary['counts'];
export type JobCheckpointsDetail = Described<typeof jobCheckpointsDetailSchema>;
export type CheckpointInfo = Described<typeof checkpointInfoSchema>;
export type CheckpointFailure = NonNullable<CheckpointInfo['failure']>;
export type SavepointRequest = Described<typeof savepointRequestSchema>;
export type StopJobRequest = Described<typeof stopJobRequestSchema>;
export type SavepointAnswer = Described<typeof savepointAnswerSchema>;

export type LogQuery = Partial<Described<typeof logQuerySchema>>;

/** RFC 9457. */
export type ProblemDetails = Described<typeof problemSchema>;
