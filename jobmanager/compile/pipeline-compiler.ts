import { serializeError } from '../../shared/errors/sluice-error.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { compileRequest } from '../../shared/job-graph/compile-request.ts';
import type { CompilePort } from './compile-port.ts';

/** Compiles what is submitted, with errors in the form that crosses REST. */
export function pipelineCompiler(fileSystems: FileSystemRegistry): CompilePort {
  return async (request) => {
    const result = await compileRequest(request, fileSystems);
    if (result.ok) {
      const warnings = result.warnings.map(serializeError);
      return { kind: 'compiled', jobGraph: result.graph, warnings };
    }
    return { kind: 'invalid', problems: result.problems.map(serializeError) };
  };
}
