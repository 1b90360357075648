import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG_KEYS, type ConfigKeyName } from '../../../shared/config/config-keys.ts';
import { valueFromText, valueFromYaml, valueToYaml } from '../../../shared/config/config-value.ts';
import { EffectiveConfig } from '../../../shared/config/effective-config.ts';
import { JOB_MANAGER_DEFAULTS } from '../../../shared/config/job-manager-options.ts';
import {
  fileSystemOptionsOf,
  jobManagerOptions,
  taskManagerOptions,
} from '../../../shared/config/manager-options.ts';
import { TASK_MANAGER_DEFAULTS } from '../../../shared/config/task-manager-options.ts';

const nothing = new EffectiveConfig(null, new Map());
/** Nothing is found in the environment either. */
const NO_S3 = { s3: {} };

test('when nobody says anything, then the managers have the options that are their defaults', () => {
  assert.deepEqual(jobManagerOptions(nothing), JOB_MANAGER_DEFAULTS);
  const { fileSystemOptions: _, ...options } = taskManagerOptions(nothing);
  const { fileSystemOptions: __, ...defaults } = TASK_MANAGER_DEFAULTS;
  assert.deepEqual(options, defaults);
  assert.deepEqual(fileSystemOptionsOf(nothing, {}), NO_S3);
});

test('when a key sets a field, then what is said of it arrives there', () => {
  for (const { key, type, preset, jobManagerField, taskManagerField } of CONFIG_KEYS) {
    const value = anotherValue(type.kind, preset);
    const origin = { from: 'environment', variable: 'X' } as const;
    const config = new EffectiveConfig(null, new Map([[key as ConfigKeyName, { value, origin }]]));
    const arrived = Array.isArray(value) ? value.join(',') : value;
    if (jobManagerField !== undefined) {
      const expected = { ...JOB_MANAGER_DEFAULTS, [jobManagerField]: arrived };
      assert.deepEqual(jobManagerOptions(config), expected);
    }
    if (taskManagerField !== undefined) {
      const { fileSystemOptions } = taskManagerOptions(config);
      const expected = { ...TASK_MANAGER_DEFAULTS, fileSystemOptions, [taskManagerField]: arrived };
      assert.deepEqual(taskManagerOptions(config), expected);
    }
  }
});

test('when keys and variables are counted, then each is there once', () => {
  for (const names of [
    CONFIG_KEYS.map(({ key }) => key),
    CONFIG_KEYS.map(({ variable }) => variable),
  ]) {
    assert.deepEqual(names.toSorted(), [...new Set<string>(names)].toSorted());
  }
});

test('when a key is the start of another one, then a file could not say both', () => {
  const names = CONFIG_KEYS.map(({ key }): string => key);
  assert.deepEqual(
    names.filter((name) => names.some((other) => other.startsWith(`${name}.`))),
    [],
  );
});

test('when a default is written as the file would say it, then it is read as the same value', () => {
  for (const { key, type, preset } of CONFIG_KEYS) {
    if (preset === null) continue;
    const written = valueToYaml(type, preset);
    assert.deepEqual(valueFromYaml(type, written, '/'), { ok: true, value: preset }, key);
    if (typeof written === 'object') continue;
    assert.deepEqual(valueFromText(type, String(written), '/'), { ok: true, value: preset }, key);
  }
});

function anotherValue(kind: string, preset: unknown) {
  switch (kind) {
    case 'boolean':
      return preset !== true;
    case 'list':
      return ['other:1', 'another:2'];
    case 'map':
      return { some: 'thing' };
    case 'port':
    case 'integer':
    case 'duration':
    case 'size':
      return Number(preset) + 1;
    default:
      return 'something else';
  }
}
