import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from '../../../cli/program.ts';

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

for (const command of commandsOf(createProgram(() => {}))) {
  const path = pathOf(command);
  test(`when the help of "${path}" is read, then it has a description and an example that runs it`, () => {
    const text = helpOf(command);
    assert.notEqual(command.description(), '');
    const examples = text.slice(text.search(/^Examples?:$/m));
    assert.match(examples, /^Examples?:$/m);
    assert.ok(examples.includes(`$ ${path} `) || examples.endsWith(`$ ${path}\n`), examples);
    assert.ok(
      text.split('\n').every((line) => line.length <= 100),
      'lines fit a terminal',
    );
  });
}
