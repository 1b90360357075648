import process from 'node:process';
import { type Command, Option } from 'commander';
import { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { integerBetween } from '../numbers.ts';
import { collectParameter } from '../parameters.ts';
import { addStorageOptions, fileSystemOptions, type StorageFlags } from '../storage-options.ts';

interface PipelineFlags extends StorageFlags {
  readonly set?: Readonly<Record<string, string>>;
  readonly format?: 'text' | 'json' | 'mermaid';
  readonly json?: boolean;
  readonly slots?: number;
  readonly gpuSlots?: number;
}

/** The commands that look at a pipeline and run nothing: validate, explain, schema. */
export function addPipelineCommands(program: Command, setExitCode: (code: ExitCode) => void): void {
  const validate = program
    .command('validate')
    .description('check a pipeline and the models it names')
    .argument('<pipeline>', 'a pipeline file')
    .option('--set <name=value>', 'give a parameter (repeatable)', collectParameter)
    .option('--json', 'print the problems as JSON')
    .addHelpText('after', '\nExample:\n  $ sluice validate pipeline.yaml --set images=./photos')
    .action(async (path: string, flags: PipelineFlags) => setExitCode(await check(path, flags)));
  addStorageOptions(validate);
  const explain = program
    .command('explain')
    .description('show what a pipeline becomes: logical plan, chains, placement, edges')
    .argument('<pipeline>', 'a pipeline file')
    .option('--set <name=value>', 'give a parameter (repeatable)', collectParameter)
    .addOption(
      new Option('--format <format>', 'how to show it')
        .choices(['text', 'json', 'mermaid'])
        .default('text'),
    )
    .option('--slots <n>', 'tell the subtasks on so many CPU slots', integerBetween(0, 100_000))
    .option('--gpu-slots <n>', 'and on so many GPU slots', integerBetween(0, 100_000))
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice explain pipeline.yaml --slots 8\n' +
        '  $ sluice explain pipeline.yaml --format mermaid',
    )
    .action(explainPipeline);
  addStorageOptions(explain);
  program
    .command('schema')
    .description('print the JSON Schema of pipelines, for editors')
    .addHelpText('after', '\nExample:\n  $ sluice schema > pipeline.schema.json')
    .action(async () => {
      const { pipelineJsonSchema } = await import('../../shared/pipeline/json-schema.ts');
      print(JSON.stringify(pipelineJsonSchema(), null, 2));
    });
}

async function check(path: string, flags: PipelineFlags): Promise<ExitCode> {
  const { readPipelineFile } = await import('../pipeline-file.ts');
  const { compileRequest } = await import('../../shared/job-graph/compile-request.ts');
  const { formatProblems } = await import('../../shared/pipeline/format-problems.ts');
  const { serializeError } = await import('../../shared/errors/sluice-error.ts');
  const request = await readPipelineFile(path, flags.set ?? {});
  const fileSystems = new FileSystemRegistry(fileSystemOptions(flags), { clock: systemClock });
  try {
    const result = await compileRequest(request, fileSystems);
    const problems = result.ok ? [] : result.problems;
    if (flags.json === true) {
      const warnings = result.warnings.map(serializeError);
      print(JSON.stringify({ valid: result.ok, problems: problems.map(serializeError), warnings }));
      return result.ok ? EXIT_CODES.ok : EXIT_CODES.usage;
    }
    const messages = [...problems, ...result.warnings];
    if (messages.length > 0) process.stderr.write(`${formatProblems(messages)}\n`);
    if (!result.ok) return EXIT_CODES.usage;
    const tasks = result.graph.vertices.map((vertex) => vertex.name).join(', ');
    print(`${path} is valid: ${result.graph.vertices.length} task(s): ${tasks}`);
    return EXIT_CODES.ok;
  } finally {
    await fileSystems.close();
  }
}

async function explainPipeline(path: string, flags: PipelineFlags): Promise<void> {
  const { readPipelineFile } = await import('../pipeline-file.ts');
  const { compileOrRefuse } = await import('../compile-or-refuse.ts');
  const { explain } = await import('../../shared/job-graph/explain.ts');
  const { explainMermaid } = await import('../../shared/job-graph/explain-mermaid.ts');
  const { explainText } = await import('../../shared/job-graph/explain-text.ts');
  const request = await readPipelineFile(path, flags.set ?? {});
  const fileSystems = new FileSystemRegistry(fileSystemOptions(flags), { clock: systemClock });
  try {
    const compiled = await compileOrRefuse(request, fileSystems);
    const { slots, gpuSlots } = flags;
    const areKnown = slots !== undefined || gpuSlots !== undefined;
    const explanation = explain(
      compiled.graph,
      compiled.spec,
      areKnown ? { slots: { cpu: slots ?? 0, gpu: gpuSlots ?? 0 } } : {},
    );
    switch (flags.format) {
      case 'json':
        print(JSON.stringify(explanation, null, 2));
        return;
      case 'mermaid':
        print(explainMermaid(explanation));
        return;
      default:
        print(explainText(explanation));
    }
  } finally {
    await fileSystems.close();
  }
}

function print(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}
