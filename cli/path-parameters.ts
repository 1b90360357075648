import { isAbsolute, resolve } from 'node:path';
import { isUri } from '../shared/filesystem/uri.ts';
import { readParameters } from '../shared/pipeline/parse-pipeline.ts';

/**
 * A path that is given on the command line is relative to the working directory, unlike those in the
 * pipeline's file. Which parameters are paths is what the pipeline declares (`type: path`); a file
 * that cannot be parsed is left to the compiler, which says why.
 */
export function resolvePathParameters(
  pipeline: { readonly fileName: string; readonly text: string },
  parameters: Readonly<Record<string, string>>,
  workingDirectory: string,
): Record<string, string> {
  const declarations = readParameters(pipeline.fileName, pipeline.text);
  const paths = new Set(declarations.filter(({ type }) => type === 'path').map(({ name }) => name));
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => {
      const isRelative = value !== '' && !isAbsolute(value) && !isUri(value);
      return [name, paths.has(name) && isRelative ? resolve(workingDirectory, value) : value];
    }),
  );
}
