/** Every page with generated sections, and what belongs into them. */
import { z } from 'zod';
import { modelYamlSchema } from '../../shared/model/model-yaml.ts';
import { KINDS, type NodeCategory } from '../../shared/pipeline/kinds/kinds.ts';
import { parameterSchema } from '../../shared/pipeline/parameters.ts';
import {
  COMMON_OPTIONS,
  nodeSchema,
  pipelineSchema,
} from '../../shared/pipeline/pipeline-schema.ts';
import {
  checkpointsSchema,
  restartSchema,
  stateSchema,
} from '../../shared/pipeline/recovery-schema.ts';
import { commandHelp } from './command-help.ts';
import { configSections } from './config-rows.ts';
import { markdownTable } from './markdown-table.ts';
import { jobManagerMetricRows, type MetricRow, taskManagerMetricRows } from './metric-rows.ts';
import { optionRows } from './option-rows.ts';
import { routeRows } from './rest-api.ts';

/** A table of their own: they are about failures, not about records. */
const recoveryShape = {
  checkpoints: checkpointsSchema,
  restart: restartSchema,
  state: stateSchema,
};

export interface GeneratedPage {
  /** From the root. */
  readonly path: string;
  readonly sections: ReadonlyMap<string, string>;
}

export function generatedPages(): GeneratedPage[] {
  return [
    { path: 'docs/pipelines.md', sections: pipelineSections() },
    { path: 'docs/configuration.md', sections: configSections() },
    {
      path: 'docs/cli.md',
      sections: new Map([['commands', commandHelp().map(commandSection).join('\n\n')]]),
    },
    { path: 'docs/rest-api.md', sections: new Map([['routes', routesTable()]]) },
    {
      path: 'docs/metrics.md',
      sections: new Map([
        ['job-manager-metrics', metricsTable(jobManagerMetricRows())],
        ['task-manager-metrics', metricsTable(taskManagerMetricRows())],
      ]),
    },
  ];
}

function pipelineSections(): ReadonlyMap<string, string> {
  const sections = new Map([
    ['pipeline', optionsTable(pipelineSchema, new Set(Object.keys(recoveryShape)))],
    ['recovery', optionsTable(z.strictObject(recoveryShape))],
    ['parameter', optionsTable(parameterSchema)],
    ['common', commonOptionsTable()],
    ['model-yaml', optionsTable(modelYamlSchema)],
  ]);
  for (const [category, kinds] of Object.entries(KINDS)) {
    for (const kind of Object.keys(kinds)) {
      const schema = nodeSchema(category as NodeCategory, kind);
      sections.set(`${category}-${kind}`, optionsTable(schema, COMMON_OPTIONS));
    }
  }
  return sections;
}

/** Those that surround the options of any kind. */
function commonOptionsTable(): string {
  const own = new Set([...Object.keys(KINDS.sink.print.shape), 'sink']);
  return optionsTable(nodeSchema('sink', 'print'), own);
}

function optionsTable(schema: z.ZodObject, without: ReadonlySet<string> = new Set()): string {
  const rows = optionRows(schema, without);
  if (rows.length === 0) return 'No options of its own.';
  return markdownTable(
    ['option', 'type', 'default', 'meaning'],
    rows.map(({ name, type, preset, meaning }) => [`\`${name}\``, type, preset, meaning]),
  );
}

function commandSection({ name, text }: { readonly name: string; readonly text: string }): string {
  return `### ${name}\n\n\`\`\`text\n${text}\n\`\`\``;
}

function routesTable(): string {
  return markdownTable(
    ['route', 'role', 'what it is', 'command'],
    routeRows().map(({ route, role, summary, command }) => [
      `\`${route}\``,
      role,
      summary,
      command === null ? '' : `\`${command}\``,
    ]),
  );
}

function metricsTable(rows: readonly MetricRow[]): string {
  return markdownTable(
    ['metric', 'type', 'labels', 'meaning'],
    rows.map(({ name, type, labels, help }) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]),
  );
}
