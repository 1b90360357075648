/** The configuration keys as rows of tables: docs/configuration.md is made of them. Pure. */
import type { ConfigKey, ConfigType } from '../../shared/config/config-key.ts';
import { CONFIG_KEYS } from '../../shared/config/config-keys.ts';
import { valueToYaml } from '../../shared/config/config-value.ts';
import { durationText, sizeText } from '../../shared/pipeline/quantity-text.ts';
import { markdownTable } from './markdown-table.ts';

/** Tables of the page, by the first name of the keys; what has a name of its own comes first. */
const SECTIONS: Readonly<Record<string, (key: string) => boolean>> = {
  'config-object-storage': (key) => key.startsWith('s3.'),
  'config-job-manager': (key) => key.startsWith('jobManager.'),
  'config-task-manager': (key) => key.startsWith('taskManager.'),
  'config-client': (key) => key.startsWith('client.'),
};

export function configSections(): ReadonlyMap<string, string> {
  const elsewhere = (key: string): boolean =>
    Object.values(SECTIONS).some((belongs) => belongs(key));
  const sections = new Map<string, string>();
  sections.set('config-servers', table(CONFIG_KEYS.filter(({ key }) => !elsewhere(key))));
  for (const [name, belongs] of Object.entries(SECTIONS)) {
    sections.set(name, table(CONFIG_KEYS.filter(({ key }) => belongs(key))));
  }
  return sections;
}

function table(keys: readonly ConfigKey[]): string {
  return markdownTable(
    ['key', 'value', 'default', 'applies to', 'option', 'variable', 'meaning'],
    keys.map((key) => [
      `\`${key.key}\``,
      valueText(key.type),
      presetText(key),
      key.appliesTo.join(', '),
      key.flag === undefined ? '' : `\`${key.flag}\``,
      `\`${key.variable}\``,
      `${key.meaning}${key.isSecret === true ? ' A secret: never shown.' : ''}`,
    ]),
  );
}

/** Type, unit and bounds. */
function valueText(type: ConfigType): string {
  switch (type.kind) {
    case 'enum':
      return type.values.map((value) => `\`${value}\``).join(', ');
    case 'boolean':
      return '`true`, `false`';
    case 'integer':
      return `${type.unit}, ${type.min} to ${type.max}`;
    case 'duration':
      return `duration, ${durationText(type.minMs)} to ${durationText(type.maxMs)}`;
    case 'size':
      return `size, at most ${sizeText(type.maxBytes)}`;
    case 'location':
      return 'path or URI';
    case 'url':
      return 'URL';
    case 'list':
      return `list of texts, ${type.itemsMax} at most`;
    case 'map':
      return `map of texts, ${type.entriesMax} at most`;
    default:
      return type.kind;
  }
}

function presetText({ preset, presetText: words, type }: ConfigKey): string {
  if (words !== undefined) return words;
  if (preset === null) return 'none';
  const value = valueToYaml(type, preset);
  if (Array.isArray(value)) return value.map((item) => `\`${String(item)}\``).join(', ');
  return typeof value === 'object' ? 'none' : `\`${String(value)}\``;
}
