import { z } from 'zod';

/** The schemas that have a name in the OpenAPI document: `#/components/schemas/<name>`. */
export const schemaNames = z.registry<{ readonly id: string }>();

export function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  schemaNames.add(schema, { id });
  return schema;
}

/** What a schema describes, as everyone but its maker sees it. */
export type Described<Schema extends z.ZodType> = DeepReadonly<z.output<Schema>>;

type DeepReadonly<Value> = Value extends object
  ? { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> }
  : Value;
