import { serializeError } from '../shared/errors/sluice-error.ts';
import type { FileSystemRegistry } from '../shared/filesystem/filesystem-registry.ts';
import type { CompileResult } from '../shared/job-graph/compile-pipeline.ts';
import { compileRequest } from '../shared/job-graph/compile-request.ts';
import type { SubmitJobRequest } from '../shared/rest/rest-types.ts';
import { PipelineRefused } from './pipeline-refused.ts';

export type Compiled = Extract<CompileResult, { readonly ok: true }>;

/** For commands that go no further with a wrong pipeline. Throws PipelineRefused. */
export async function compileOrRefuse(
  request: SubmitJobRequest,
  fileSystems: FileSystemRegistry,
): Promise<Compiled> {
  const result = await compileRequest(request, fileSystems);
  if (!result.ok) throw new PipelineRefused(result.problems.map(serializeError));
  return result;
}
