/**
 * A check of JSON documents against a JSON Schema, independent of what made the schema. It knows the
 * keywords that Sluice's schema uses and refuses any other, so that nothing passes unchecked.
 */
type Schema = boolean | Readonly<Record<string, unknown>>;
type Check = (argument: never, value: unknown, place: Place) => readonly string[];

interface Place {
  readonly path: string;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly root: Schema;
}

const ANNOTATIONS = new Set([
  '$schema',
  '$id',
  '$defs',
  'title',
  'description',
  'default',
  'examples',
  'format',
]);

const CHECKS: Readonly<Record<string, Check>> = {
  type: (types: string | readonly string[], value, { path }) =>
    [types].flat().some((type) => isOfType(type, value)) ? [] : [`${path} is no ${types}`],
  const: (wanted: unknown, value, { path }) =>
    value === wanted ? [] : [`${path} is not ${wanted}`],
  enum: (allowed: readonly unknown[], value, { path }) =>
    allowed.includes(value) ? [] : [`${path} is none of ${allowed}`],
  pattern: (pattern: string, value, { path }) =>
    typeof value !== 'string' || new RegExp(pattern, 'u').test(value)
      ? []
      : [`${path} does not match ${pattern}`],
  minimum: (bound: number, value, { path }) =>
    typeof value === 'number' && value < bound ? [`${path} is below ${bound}`] : [],
  maximum: (bound: number, value, { path }) =>
    typeof value === 'number' && value > bound ? [`${path} is above ${bound}`] : [],
  exclusiveMinimum: (bound: number, value, { path }) =>
    typeof value === 'number' && value <= bound ? [`${path} is not above ${bound}`] : [],
  minLength: (length: number, value, { path }) =>
    typeof value === 'string' && value.length < length ? [`${path} is too short`] : [],
  maxLength: (length: number, value, { path }) =>
    typeof value === 'string' && value.length > length ? [`${path} is too long`] : [],
  minItems: (count: number, value, { path }) =>
    Array.isArray(value) && value.length < count ? [`${path} has too few items`] : [],
  maxItems: (count: number, value, { path }) =>
    Array.isArray(value) && value.length > count ? [`${path} has too many items`] : [],
  minProperties: (count: number, value, { path }) =>
    isMap(value) && Object.keys(value).length < count ? [`${path} has too few keys`] : [],
  required: (keys: readonly string[], value, { path }) =>
    isMap(value)
      ? keys.filter((key) => !(key in value)).map((key) => `${path}.${key} is missing`)
      : [],
  properties: (schemas: Readonly<Record<string, Schema>>, value, { path, root }) =>
    isMap(value)
      ? Object.entries(schemas).flatMap(([key, schema]) =>
          key in value ? check(schema, value[key], `${path}.${key}`, root) : [],
        )
      : [],
  propertyNames: (schema: Schema, value, { path, root }) =>
    isMap(value)
      ? Object.keys(value).flatMap((key) => check(schema, key, `the key ${path}.${key}`, root))
      : [],
  additionalProperties: (schema: Schema, value, { path, root, schema: { properties } }) =>
    isMap(value)
      ? Object.keys(value)
          .filter((key) => !(key in ((properties as object | undefined) ?? {})))
          .flatMap((key) => check(schema, value[key], `${path}.${key}`, root))
      : [],
  prefixItems: (schemas: readonly Schema[], value, { path, root }) =>
    Array.isArray(value)
      ? schemas.flatMap((schema, index) => check(schema, value[index], `${path}[${index}]`, root))
      : [],
  items: (schema: Schema, value, { path, root, schema: { prefixItems } }) => {
    if (!Array.isArray(value)) return [];
    const from = (prefixItems as readonly unknown[] | undefined)?.length ?? 0;
    return value
      .slice(from)
      .flatMap((item, index) => check(schema, item, `${path}[${from + index}]`, root));
  },
  allOf: (schemas: readonly Schema[], value, { path, root }) =>
    schemas.flatMap((schema) => check(schema, value, path, root)),
  anyOf: (schemas: readonly Schema[], value, place) => fitting(schemas, value, place, false),
  oneOf: (schemas: readonly Schema[], value, place) => fitting(schemas, value, place, true),
  not: (schema: Schema, value, { path, root }) =>
    check(schema, value, path, root).length > 0 ? [] : [`${path} is what it must not be`],
  $ref: (reference: string, value, { path, root }) =>
    check(resolve(reference, root), value, path, root),
};

/** What is wrong with the document; nothing where it fits. */
export function check(
  schema: Schema,
  value: unknown,
  path = '$',
  root: Schema = schema,
): readonly string[] {
  if (typeof schema === 'boolean') return schema ? [] : [`${path} is not allowed`];
  return Object.entries(schema).flatMap(([keyword, argument]) => {
    if (ANNOTATIONS.has(keyword)) return [];
    const checkKeyword = CHECKS[keyword];
    if (checkKeyword === undefined) throw new Error(`the schema uses "${keyword}" at ${path}`);
    return checkKeyword(argument as never, value, { path, schema, root });
  });
}

function fitting(
  schemas: readonly Schema[],
  value: unknown,
  { path, root }: Place,
  exactlyOne: boolean,
): readonly string[] {
  const problems = schemas.map((schema) => check(schema, value, path, root));
  const fits = problems.filter((found) => found.length === 0).length;
  if (fits === 1 || (fits > 1 && !exactlyOne)) return [];
  return [`${path} fits ${fits} of ${schemas.length} schemas`, ...problems.flat()];
}

function resolve(reference: string, root: Schema): Schema {
  const parts = reference.split('/').slice(1);
  const found = parts.reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], root);
  if (found === undefined) throw new Error(`nothing at ${reference}`);
  return found as Schema;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'object':
      return isMap(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    default:
      return typeof value === type;
  }
}
