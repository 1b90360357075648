import type { SluiceError } from '../errors/sluice-error.ts';
import { checkGraph } from './check-graph.ts';
import { checkNodes } from './check-nodes.ts';
import { type LocatedMap, toPlain } from './located-value.ts';
import {
  bindParameters,
  declareParameters,
  type ParameterDeclaration,
  type ParameterInput,
} from './parameters.ts';
import { parseYaml } from './parse-yaml.ts';
import { headSchema } from './pipeline-schema.ts';
import { PipelineSource } from './pipeline-source.ts';
import type { NodeSpec, PipelineSpec } from './pipeline-spec.ts';
import { readNodes } from './read-nodes.ts';
import type { RecordShape } from './record-shape.ts';
import { checkpointSettings, restartSettings, stateSettings } from './recovery-schema.ts';
import { substituteParameters } from './substitute-parameters.ts';
import { zodProblems } from './zod-problems.ts';

/**
 * A pipeline's text → its checked spec, or everything that is wrong with it. Touches no file and no
 * network. Pure, any thread.
 */
export interface PipelineText extends ParameterInput {
  readonly text: string;
  /** For messages. */
  readonly fileName: string;
}

export type ParseResult =
  | {
      readonly ok: true;
      readonly pipeline: ParsedPipeline;
      readonly warnings: readonly SluiceError[];
    }
  | {
      readonly ok: false;
      /** Not empty; in the order of the file. */
      readonly problems: readonly SluiceError[];
      readonly warnings: readonly SluiceError[];
    };

export interface ParsedPipeline {
  readonly spec: PipelineSpec;
  /** The nodes in topological order. */
  readonly order: readonly NodeSpec[];
  /** What comes into each node. */
  readonly inputs: ReadonlyMap<string, RecordShape | null>;
  /** For problems that are found later. */
  readonly source: PipelineSource;
}

export function parsePipeline(input: PipelineText): ParseResult {
  const source = new PipelineSource(input.fileName, input.text);
  const yaml = parseYaml(source);
  if (!yaml.ok) return { ok: false, problems: yaml.problems, warnings: [] };
  source.root = yaml.root;

  const problems: SluiceError[] = [];
  const warnings: SluiceError[] = [];
  const declarations = declareParameters(source, yaml.root, problems);
  const values = bindParameters(source, declarations, input, problems);
  const scope = { source, declarations, values };
  const root = withoutParameters(yaml.root);
  const substituted = substituteParameters(root, scope, problems) as LocatedMap;

  const head = readHead(source, substituted, problems);
  const outlines = readNodes(source, substituted, problems);
  const graph = checkGraph(source, outlines, problems, warnings);
  const { inputs } = checkNodes(source, graph.order, problems);
  if (head !== null) warnings.push(...headWarnings(source, substituted, head));
  if (problems.length > 0 || head === null) {
    // What looks doubtful is often only what a mistake left behind.
    return { ok: false, problems: inOrder(problems), warnings: [] };
  }
  const nodes = outlines.flatMap(({ spec }) => (spec === null ? [] : [spec]));
  const order = graph.order.flatMap(({ spec }) => (spec === null ? [] : [spec]));
  const pipeline = { spec: { ...head, nodes }, order, inputs, source };
  return { ok: true, pipeline, warnings: inOrder(warnings) };
}

/** The parameters that a file declares, for `--set` and `--help`; none where it cannot be read. */
export function readParameters(fileName: string, text: string): readonly ParameterDeclaration[] {
  const source = new PipelineSource(fileName, text);
  const yaml = parseYaml(source);
  if (!yaml.ok) return [];
  source.root = yaml.root;
  return declareParameters(source, yaml.root, []);
}

/** References are put in everywhere but in the declarations themselves. */
function withoutParameters(root: LocatedMap): LocatedMap {
  const entries = new Map(root.entries);
  entries.delete('parameters');
  return { ...root, entries };
}

function readHead(
  source: PipelineSource,
  root: LocatedMap,
  problems: SluiceError[],
): Omit<PipelineSpec, 'nodes'> | null {
  const entries = new Map(root.entries);
  entries.delete('nodes');
  const plain = toPlain({ ...root, entries });
  const parsed = headSchema.safeParse(plain, { reportInput: true });
  if (!parsed.success) {
    const owner = { path: [], title: 'the pipeline' };
    problems.push(...zodProblems(source, owner, parsed.error.issues, headSchema));
    return null;
  }
  const { name, deadLetters, onError, parallelism } = parsed.data;
  return {
    name,
    deadLetters: deadLetters ?? null,
    onError,
    parallelism: parallelism ?? null,
    checkpoints: checkpointSettings(parsed.data.checkpoints),
    restart: restartSettings(parsed.data.restart),
    state: stateSettings(parsed.data.state),
  };
}

/** Options that are allowed together, but of which one makes the other pointless. */
function headWarnings(
  source: PipelineSource,
  root: LocatedMap,
  head: Omit<PipelineSpec, 'nodes'>,
): readonly SluiceError[] {
  const warning = (option: string, message: string): SluiceError => {
    const details = { code: 'PIPELINE_INVALID', message, severity: 'warning' } as const;
    return source.problemAt({ path: [option], on: 'key' }, details);
  };
  const warnings: SluiceError[] = [];
  if (head.onError === 'fail' && head.deadLetters !== null) {
    const message = 'nothing reaches the dead letters: "onError: fail" ends the job instead';
    warnings.push(warning('deadLetters', message));
  }
  if (head.checkpoints === null && root.entries.has('restart')) {
    const message = 'nothing is restarted: with "checkpoints: off" a failure ends the job';
    warnings.push(warning('restart', message));
  }
  return warnings;
}

const BEFORE_ALL = 0;

function inOrder(problems: readonly SluiceError[]): readonly SluiceError[] {
  const key = (problem: SluiceError, name: string) => Number(problem.context[name] ?? BEFORE_ALL);
  return problems.toSorted(
    (left, right) =>
      key(left, 'line') - key(right, 'line') || key(left, 'column') - key(right, 'column'),
  );
}
