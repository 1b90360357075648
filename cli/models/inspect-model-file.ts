import process from 'node:process';
import { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { toUri } from '../../shared/filesystem/uri.ts';
import { inspectModel, type ModelInspection } from '../../shared/model/inspect.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { formatBytes } from '../output/format.ts';
import { errorText } from '../output/print-error.ts';
import { table } from '../output/table.ts';

/** `sluice models inspect`: text or JSON about one .onnx file. */
export async function inspectModelFile(
  file: string,
  options: { readonly json: boolean },
): Promise<string> {
  const fileSystems = new FileSystemRegistry({}, { clock: systemClock });
  try {
    const uri = toUri(file, process.cwd());
    const inspection = await inspectModel(uri, fileSystems);
    return options.json ? JSON.stringify(inspection, null, 2) : inspectionText(file, inspection);
  } finally {
    await fileSystems.close();
  }
}

function inspectionText(file: string, inspection: ModelInspection): string {
  const values = [
    ...inspection.inputs.map((value) => ['input', value.name, value.type, value.shape]),
    ...inspection.outputs.map((value) => ['output', value.name, value.type, value.shape]),
  ];
  const columns = [{ title: 'kind' }, { title: 'name' }, { title: 'type' }, { title: 'shape' }];
  const producer = inspection.producer === '' ? 'an unnamed producer' : inspection.producer;
  const lines = [
    `${file}: ${formatBytes(inspection.bytes)}, opset ${inspection.opset}, by ${producer}`,
    `sha256 ${inspection.sha256}`,
    '',
    table(columns, values),
  ];
  if (inspection.problem !== null) lines.push('', errorText(inspection.problem));
  if (inspection.warnings.length > 0)
    lines.push('', ...inspection.warnings.map((w) => `note: ${w}`));
  if (inspection.template !== null) {
    lines.push('', 'a model.yaml to lie beside it:', '', inspection.template.trimEnd());
  }
  return lines.join('\n');
}
