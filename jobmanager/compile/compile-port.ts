import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import type { SubmitJobRequest } from '../../shared/rest/rest-types.ts';

/** Turns a pipeline's text into a JobGraph; reads the models it names. */
export type CompilePort = (request: SubmitJobRequest) => Promise<CompileResult>;

export type CompileResult =
  | {
      readonly kind: 'compiled';
      readonly jobGraph: JobGraph;
      /** What is allowed, but seldom meant. */
      readonly warnings: readonly SerializedError[];
    }
  /** Everything that is wrong with it, at least one problem. */
  | { readonly kind: 'invalid'; readonly problems: readonly SerializedError[] };
