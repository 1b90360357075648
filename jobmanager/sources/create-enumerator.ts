import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import type { OperatorNode } from '../../shared/job-graph/job-graph.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { DatagenEnumerator } from './datagen-enumerator.ts';
import { FilesEnumerator } from './files-enumerator.ts';
import type { SplitEnumerator } from './split-enumerator.ts';

export interface EnumeratorEnvironment {
  readonly fileSystems: FileSystemRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Makes the enumerator of a source; splits are JSON to everyone else. */
export type CreateEnumerator = (operator: SourceOperator) => SplitEnumerator<unknown>;

export type SourceOperator = Extract<OperatorNode, { kind: `source/${string}` }>;

export function isSource(operator: OperatorNode): operator is SourceOperator {
  return operator.kind.startsWith('source/');
}

export function enumeratorFactory(environment: EnumeratorEnvironment): CreateEnumerator {
  return (operator) => {
    switch (operator.kind) {
      case 'source/files':
        return new FilesEnumerator(operator.options, {
          ...environment,
          onWarning: (message) => environment.logger.warn({ node: operator.id }, message),
        }) as SplitEnumerator<unknown>;
      case 'source/datagen':
        return new DatagenEnumerator(operator.options) as SplitEnumerator<unknown>;
      default:
        return operator satisfies never;
    }
  };
}
