import type { SluiceError } from '../errors/sluice-error.ts';
import { compileExpression } from '../expression/compile-expression.ts';
import type { ModelSpec } from '../model/model-spec.ts';
import type { ParsedPipeline } from '../pipeline/parse-pipeline.ts';
import type { NodeSpec } from '../pipeline/pipeline-spec.ts';

/**
 * A model without labels gives `label: null`: a filter on labels would then let nothing through and
 * say nothing. Warns wherever `label` is asked for behind such a model. Pure.
 */
export function warnOfMissingLabels(
  { order, source }: ParsedPipeline,
  models: ReadonlyMap<string, ModelSpec>,
  warnings: SluiceError[],
): void {
  /** By node: the onnx node whose null label its records carry. */
  const unlabelled = new Map<string, string>();
  for (const node of order) {
    const classifier = node.from.map((name) => unlabelled.get(name)).find((name) => name);
    if (node.kind === 'onnx') {
      if (models.get(node.name)?.labels === null) unlabelled.set(node.name, node.name);
      continue;
    }
    if (classifier === undefined) continue;
    for (const option of optionsThatUseLabel(node)) {
      const message = `"label" is null in these records: the model of "${classifier}" has no labels`;
      const hint = `Give "${classifier}" its "labels": a file with a label a line.`;
      const details = {
        code: 'LABELS_MISMATCH',
        message,
        hint,
        node: node.name,
        severity: 'warning',
      } as const;
      warnings.push(source.problemAt({ path: ['nodes', node.name, ...option] }, details));
    }
    const replacesLabel = node.kind === 'map' && Object.hasOwn(node.options.fields, 'label');
    if (!replacesLabel && node.kind !== 'count') unlabelled.set(node.name, classifier);
  }
}

function optionsThatUseLabel(node: NodeSpec): readonly (readonly string[])[] {
  const usesLabel = (text: string) => compileExpression(text).fields.has('label');
  const options: string[][] = [];
  if (node.keyBy.includes('label')) options.push(['keyBy']);
  if (node.kind === 'filter' && usesLabel(node.options.where)) options.push(['where']);
  if (node.kind === 'map') {
    for (const [field, text] of Object.entries(node.options.fields)) {
      if (usesLabel(text)) options.push(['fields', field]);
    }
  }
  return options;
}
