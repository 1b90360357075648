import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { problemSchema } from '../../shared/rest/common-schemas.ts';
import { schemaNames } from '../../shared/rest/schema-names.ts';
import type { RouteDescription } from './route.ts';

type Json = { readonly [key: string]: unknown };

export interface OpenApiDocument extends Json {
  readonly openapi: '3.1.0';
  readonly paths: Readonly<Record<string, Json>>;
}

const REF = '#/components/schemas/';

/** As people write values, and without what the formats say already. */
const JSON_SCHEMA = {
  io: 'input',
  override: ({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }) => {
    if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  },
} as const;

/** Every route of the table as OpenAPI 3.1; `docs/openapi.json` is made from it. Pure. */
export function openApiDocument(
  routes: readonly RouteDescription[],
  version: string,
): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = templateOf(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice REST API',
      version,
      description:
        'Answers may gain fields: clients pass over those that they do not know. What is no ' +
        'success is application/problem+json.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: componentSchemas(),
      responses: {
        Problem: {
          description: 'A problem: what is wrong, where, and what to do about it.',
          content: { 'application/problem+json': { schema: refTo(problemSchema) } },
        },
      },
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description:
            'A token of the roles viewer, operator or admin, where tokens are asked for.',
        },
      },
    },
  };
}

/** `/v1/jobs/:id` → `/v1/jobs/{id}` */
export function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/gu, '{$1}');
}

function operationOf(route: RouteDescription): Json {
  const { method, path, role, summary, params, query, body, answers } = route;
  const responses = Object.entries(answers).map(([status, schema]) => {
    const json = refTo(schema);
    const type = json['type'] === 'string' ? 'text/plain' : 'application/json';
    const description = STATUS_CODES[status] ?? 'Answer';
    return [status, { description, content: { [type]: { schema: json } } }] as const;
  });
  return {
    operationId: operationIdOf(method, path),
    summary,
    'x-role': role,
    security: role === 'none' ? [] : [{ token: [] }],
    ...(params === undefined && query === undefined
      ? {}
      : { parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query')] }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !body.safeParse({}).success,
            content: { 'application/json': { schema: refTo(body) } },
          },
        }),
    responses: {
      ...Object.fromEntries(responses),
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

/** `GET /v1/jobs/:id/plan` → `getJobsIdPlan` */
function operationIdOf(method: string, path: string): string {
  const words = path.replace(/^\/v1/u, '').split(/[^A-Za-z]+/u);
  const name = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
  return method.toLowerCase() + name;
}

function parametersOf(schema: z.ZodObject | undefined, place: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = jsonOf(schema) as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...json }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: { ...json, ...defaultOf(schema.shape[name]) },
  }));
}

/** The JSON Schema of what zod converts has none. */
function defaultOf(schema: unknown): Json {
  return schema instanceof z.ZodDefault ? { default: schema.def.defaultValue } : {};
}

function refTo(schema: z.ZodType): Json {
  const id = schemaNames.get(schema)?.id;
  return id === undefined ? jsonOf(schema) : { $ref: `${REF}${id}` };
}

function componentSchemas(): Readonly<Record<string, Json>> {
  const { schemas } = z.toJSONSchema(schemaNames, { ...JSON_SCHEMA, uri: (id) => `${REF}${id}` });
  const names = Object.keys(schemas).toSorted();
  return Object.fromEntries(names.map((name) => [name, withoutHead(schemas[name] ?? {})]));
}

function jsonOf(schema: z.ZodType): Json {
  return withoutHead(z.toJSONSchema(schema, JSON_SCHEMA));
}

/** OpenAPI says itself which dialect it is, and where each schema lies. */
function withoutHead({ $schema: _, $id: __, ...json }: Json): Json {
  return json;
}
