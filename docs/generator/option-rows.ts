/**
 * The options of a zod schema as rows of a table. Types come from its JSON Schema; defaults from the
 * schema itself, because the JSON Schema of what people write has none where zod converts. Pure.
 */
import { z } from 'zod';
import { durationText, sizeText } from '../../shared/pipeline/quantity-text.ts';

export interface OptionRow {
  /** `roll.size` for an option inside of one. */
  readonly name: string;
  readonly type: string;
  /** `required`, a value, or empty. */
  readonly preset: string;
  readonly meaning: string;
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly maxLength?: number;
  readonly items?: JsonSchema | boolean;
  readonly prefixItems?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly required?: readonly string[];
}

/** `without`: options that are described elsewhere. */
export function optionRows(schema: z.ZodObject, without: ReadonlySet<string>): OptionRow[] {
  const json = z.toJSONSchema(schema, { io: 'input' }) as JsonSchema;
  return rowsOf(schema, json, '').filter(({ name }) => !without.has(name.split('.')[0] ?? ''));
}

function rowsOf(schema: z.ZodObject, json: JsonSchema, prefix: string): OptionRow[] {
  return Object.entries(json.properties ?? {}).flatMap(([key, property]) => {
    const option = schema.shape[key] as z.ZodType;
    const { inner, preset } = unwrap(option);
    const name = `${prefix}${key}`;
    const isRequired = json.required?.includes(key) === true;
    const row: OptionRow = {
      name,
      type: typeText(property),
      preset: isRequired ? 'required' : presetText(preset, property),
      meaning: property.description ?? '',
    };
    const object = objectOf(inner, property);
    return object === null ? [row] : [row, ...rowsOf(object.schema, object.json, `${name}.`)];
  });
}

/** The object that an option is, or may be; null for values. */
function objectOf(
  schema: z.ZodType,
  json: JsonSchema,
): { readonly schema: z.ZodObject; readonly json: JsonSchema } | null {
  if (schema instanceof z.ZodObject) return { schema, json };
  if (!(schema instanceof z.ZodUnion)) return null;
  const index = schema.options.findIndex((branch) => branch instanceof z.ZodObject);
  const inner = json.anyOf?.[index];
  const branch = schema.options[index];
  return branch instanceof z.ZodObject && inner !== undefined
    ? { schema: branch, json: inner }
    : null;
}

/** What lies below `.optional()`, `.default()` and `.prefault()`, and the default. */
function unwrap(schema: z.ZodType): { readonly inner: z.ZodType; readonly preset: unknown } {
  let inner: z.ZodType = schema;
  let preset: unknown;
  for (;;) {
    if (inner instanceof z.ZodDefault) {
      preset = inner.def.defaultValue;
      inner = inner.def.innerType as z.ZodType;
    } else if (
      inner instanceof z.ZodOptional ||
      inner instanceof z.ZodNullable ||
      inner instanceof z.ZodPrefault
    ) {
      inner = inner.def.innerType as z.ZodType;
    } else {
      return { inner, preset };
    }
  }
}

function presetText(preset: unknown, { title }: JsonSchema): string {
  if (preset === undefined) return '';
  if (typeof preset === 'number' && title?.startsWith('duration') === true)
    return `\`${durationText(preset)}\``;
  if (typeof preset === 'number' && title === 'size') return `\`${sizeText(preset)}\``;
  if (typeof preset === 'string') return `\`${preset}\``;
  if (Array.isArray(preset)) return preset.map((item) => `\`${String(item)}\``).join(', ');
  return `\`${JSON.stringify(preset)}\``;
}

function typeText(json: JsonSchema): string {
  if (json.title !== undefined) return json.title;
  if (json.anyOf !== undefined) return [...new Set(json.anyOf.map(typeText))].join(' or ');
  if (json.enum !== undefined) return json.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (json.const !== undefined) return `\`${String(json.const)}\``;
  switch (json.type) {
    case 'integer':
      return `whole number${boundsText(json)}`;
    case 'number':
      return json.exclusiveMinimum === 0 ? 'number > 0' : 'number';
    case 'string':
      return 'text';
    case 'boolean':
      return '`true`, `false`';
    case 'null':
      return 'nothing';
    case 'array':
      return arrayText(json);
    case 'object':
      return 'map';
    default:
      return Array.isArray(json.type) ? json.type.join(' or ') : 'any';
  }
}

function boundsText({ minimum, maximum }: JsonSchema): string {
  if (minimum === undefined) return '';
  const isBounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  return isBounded ? `, ${minimum} to ${maximum}` : ` ≥ ${minimum}`;
}

function arrayText({ items, prefixItems }: JsonSchema): string {
  if (prefixItems !== undefined) return 'pair';
  return typeof items === 'object' ? `list of ${typeText(items)}` : 'list';
}
