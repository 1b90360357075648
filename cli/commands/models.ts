import process from 'node:process';
import type { Command } from 'commander';

/** `sluice models`: look into ONNX files and fetch public ones. */
export function addModelsCommands(program: Command): void {
  const models = program
    .command('models')
    .description('look into ONNX models, fetch public ones')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice models list\n  $ sluice models pull resnet50\n' +
        '  $ sluice models inspect models/resnet50/resnet50.onnx',
    );
  models
    .command('inspect')
    .description('show inputs, outputs and the preprocessing that a model seems to want')
    .argument('<file>', 'an .onnx file, or a model.yaml')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ sluice models inspect models/resnet50/resnet50.onnx')
    .action(async (file: string, flags: { readonly json?: boolean }) => {
      const { inspectModelFile } = await import('../models/inspect-model-file.ts');
      print(await inspectModelFile(file, { json: flags.json === true }));
    });
  models
    .command('list')
    .description('the public models that `pull` knows')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ sluice models list')
    .action(async (flags: { readonly json?: boolean }) => {
      const { modelListJson, modelListText } = await import('../models/pull-model.ts');
      print(flags.json === true ? modelListJson() : modelListText());
    });
  models
    .command('pull')
    .description('download a public model, with its labels and a model.yaml')
    .argument('<name>', 'one of `sluice models list`')
    .option('--to <folder>', 'where to put it', 'models')
    .addHelpText('after', '\nExample:\n  $ sluice models pull resnet50 --to ./models')
    .action(async (name: string, flags: { readonly to: string }) => {
      const { pullModelCommand } = await import('../models/pull-model.ts');
      print(await pullModelCommand(name, flags.to));
    });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
