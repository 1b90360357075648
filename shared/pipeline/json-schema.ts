import { z } from 'zod';
import { KINDS, type NodeCategory } from './kinds/kinds.ts';
import { NODE_NAME, nodeSchema, pipelineSchema } from './pipeline-schema.ts';

/**
 * The JSON Schema (2020-12) of a pipeline's file, for editors; made from the same zod schemas that
 * check it. It knows the shape only: what names and expressions mean, the compiler checks. Pure.
 */
export type JsonSchema = { [key: string]: unknown };

const CATEGORIES: readonly NodeCategory[] = ['source', 'transform', 'sink'];
/** `topK: "${topK}"`: a parameter may stand wherever a value may. */
const REFERENCE = { type: 'string', pattern: '^\\$\\{[^}]+\\}$' };

export function pipelineJsonSchema(): JsonSchema {
  const pipeline = toInputSchema(pipelineSchema);
  const properties = pipeline['properties'] as Record<string, JsonSchema>;
  const nodes = CATEGORIES.flatMap((category) =>
    Object.keys(KINDS[category]).map((kind) => {
      const node = toInputSchema(nodeSchema(category, kind));
      delete node['$schema'];
      return withReferences({ title: `${category} ${kind}`, ...node });
    }),
  );
  return {
    ...pipeline,
    title: 'Sluice pipeline',
    properties: {
      ...mapValues(properties, (name, schema) =>
        name === 'parameters' ? schema : withReferences(schema),
      ),
      nodes: {
        description: 'the steps: sources, transforms, sinks; each has a name of its own',
        type: 'object',
        minProperties: 1,
        propertyNames: { pattern: NODE_NAME.source },
        additionalProperties: { oneOf: nodes },
      },
    },
  };
}

function toInputSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' }) as JsonSchema;
}

function mapValues<Value, Result>(
  values: Readonly<Record<string, Value>>,
  map: (key: string, value: Value) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(key, value)]));
}

/** Lets a parameter stand for every value that is no text already. */
function withReferences(schema: JsonSchema): JsonSchema {
  const { properties, items, anyOf, additionalProperties } = schema;
  const inner: JsonSchema = { ...schema };
  if (isRecord(properties)) {
    inner['properties'] = mapValues(properties as Record<string, JsonSchema>, (name, property) =>
      CATEGORIES.includes(name as NodeCategory) ? property : withReferences(property),
    );
  }
  if (isRecord(items)) inner['items'] = withReferences(items);
  if (isRecord(additionalProperties)) {
    inner['additionalProperties'] = withReferences(additionalProperties);
  }
  if (Array.isArray(anyOf)) {
    inner['anyOf'] = [...(anyOf as readonly JsonSchema[]).map(withReferences), REFERENCE];
    return inner;
  }
  return takesReference(schema) ? alternatives(inner) : inner;
}

/** Numbers, booleans, and texts that must be of a certain form. */
function takesReference({ type, enum: values, pattern }: JsonSchema): boolean {
  if (type === 'string') return values !== undefined || pattern !== undefined;
  return type === 'number' || type === 'integer' || type === 'boolean';
}

/** What editors show of a property stays at the property. */
function alternatives(schema: JsonSchema): JsonSchema {
  const { description, title, default: preset, ...rest } = schema;
  return {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined ? {} : { default: preset }),
    anyOf: [rest, REFERENCE],
  };
}

function isRecord(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
