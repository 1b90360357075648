import type { FileSystemRegistry } from '../filesystem/filesystem-registry.ts';
import { resolveModel } from '../model/resolve-model.ts';
import type { SubmitJobRequest } from '../rest/rest-types.ts';
import { type CompileResult, compilePipeline } from './compile-pipeline.ts';

/**
 * Compiles what is, or would be, submitted; models are read and checked through these file systems.
 * The job manager's and the command line's way into the compiler.
 */
export function compileRequest(
  request: SubmitJobRequest,
  fileSystems: FileSystemRegistry,
): Promise<CompileResult> {
  return compilePipeline({
    text: request.pipeline,
    fileName: request.fileName,
    baseDirectory: request.baseDirectory,
    parameters: request.parameters,
    resolveModel: (onnx) => resolveModel({ onnx, fileSystems }),
  });
}
