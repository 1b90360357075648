import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { SluiceError } from '../shared/errors/sluice-error.ts';
import type { SubmitJobRequest } from '../shared/rest/rest-types.ts';
import { resolvePathParameters } from './path-parameters.ts';

/** Reads a pipeline's file into what the job manager takes. */
export async function readPipelineFile(
  path: string,
  parameters: Readonly<Record<string, string>>,
): Promise<SubmitJobRequest> {
  let pipeline: string;
  try {
    pipeline = await readFile(path, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = isMissing ? 'there is no such file' : (error as Error).message;
    throw new SluiceError('FILE_NOT_FOUND', `cannot read the pipeline ${path}: ${reason}`, {
      domain: 'user',
      context: { file: path },
      hint: 'give the path of a pipeline file, such as examples/image-classification/pipeline.yaml',
      cause: isMissing ? undefined : error,
    });
  }
  const workingDirectory = process.cwd();
  return {
    pipeline,
    fileName: path,
    baseDirectory: dirname(resolve(path)),
    parameters: resolvePathParameters(
      { fileName: path, text: pipeline },
      parameters,
      workingDirectory,
    ),
  };
}
