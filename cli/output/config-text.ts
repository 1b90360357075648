import { stringify } from 'yaml';
import type { ConfigKey, ConfigValue } from '../../shared/config/config-key.ts';
import { configKey } from '../../shared/config/config-keys.ts';
import { valueToYaml } from '../../shared/config/config-value.ts';
import {
  type ConfigOrigin,
  type EffectiveConfig,
  originText,
} from '../../shared/config/effective-config.ts';

const SECRET = '[secret]';

interface Line {
  readonly text: string;
  /** Null for a section's head. */
  readonly comment: string | null;
}

/** A `sluice.yaml` that says everything, each line with where its value comes from. */
export function configText(config: EffectiveConfig): string {
  const lines: Line[] = [];
  let section = '';
  for (const { key: name, value, origin } of config.entries()) {
    const key = configKey(name);
    const [first = '', second] = name.split('.');
    if (second !== undefined && first !== section) {
      lines.push({ text: `${first}:`, comment: null });
      section = first;
    }
    const indent = second === undefined ? '' : '  ';
    const comment = commentOf(key, origin);
    const shown = shownValue(key, value);
    // A value that is not set is shown as a comment: an empty one would be a mistake.
    const text = shown === null ? `# ${second ?? first}:` : `${second ?? first}: ${flow(shown)}`;
    lines.push({ text: `${indent}${text}`, comment });
  }
  const width = Math.max(...lines.map(({ text }) => text.length).filter((each) => each < 60));
  return lines
    .map(({ text, comment }) =>
      comment === null ? `${text}\n` : `${text.padEnd(width)}  # ${comment}\n`,
    )
    .join('');
}

function commentOf({ preset, presetText }: ConfigKey, origin: ConfigOrigin): string {
  if (origin.from !== 'default') return originText(origin);
  if (presetText !== undefined) return `default: ${presetText.replaceAll('`', '')}`;
  return preset === null ? 'not set' : 'default';
}

/** On one line, as YAML has it. */
function flow(value: ConfigValue): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
}

function shownValue(key: ConfigKey, value: ConfigValue | null): ConfigValue | null {
  if (value === null) return null;
  return key.isSecret === true ? SECRET : valueToYaml(key.type, value);
}

/** By key: the value as the file would say it, and where it comes from. */
export function configJson(config: EffectiveConfig): string {
  const entries = config.entries().map(({ key: name, value, origin }) => {
    return [name, { value: shownValue(configKey(name), value), ...origin }];
  });
  const settings = Object.fromEntries(entries);
  return `${JSON.stringify({ file: config.file, settings }, null, 2)}\n`;
}
