import { Document, isCollection, visit } from 'yaml';
import { fileName } from '../filesystem/uri.ts';
import type { ModelSpec } from './model-spec.ts';

/** How the labels get into a model.yaml: a file beside it, or not known. */
export type TemplateLabels = { readonly file: string } | null;

/**
 * A model.yaml that says everything about the model, to be put beside its file. `comments` go on
 * top: what was guessed, where the model came from. Pure.
 */
export function modelYamlTemplate(
  model: ModelSpec,
  options: { readonly labels: TemplateLabels; readonly comments: readonly string[] },
): string {
  const { preprocessing, input, output } = model;
  const { resize, cropHeight, cropWidth, color, scale, mean, std } = preprocessing;
  const content = {
    name: model.name,
    version: model.version,
    file: fileName(model.uri),
    sha256: model.sha256,
    input: { name: input.name, layout: input.layout, type: input.type },
    preprocessing: {
      ...(resize === null ? {} : { resize }),
      crop: cropHeight === cropWidth ? cropHeight : [cropHeight, cropWidth],
      color,
      scale,
      mean: [...mean],
      std: [...std],
    },
    output: { name: output.name, kind: output.kind },
    ...(options.labels === null ? {} : { labels: options.labels.file }),
  };
  const top = options.comments.map((comment) => `# ${comment}\n`).join('');
  const bottom = options.labels === null ? '# labels: labels.txt  # a label a line\n' : '';
  return `${top}${stringifyCompact(content)}${bottom}`;
}

/** One line for each list and for `input` and `output`, as people write them. */
function stringifyCompact(content: object): string {
  const document = new Document(content);
  visit(document, {
    Seq: (_, node) => {
      node.flow = true;
    },
    Pair: (_, pair) => {
      const name = String(pair.key);
      if ((name === 'input' || name === 'output') && isCollection(pair.value)) {
        pair.value.flow = true;
      }
    },
  });
  return document.toString({ lineWidth: 0 });
}
