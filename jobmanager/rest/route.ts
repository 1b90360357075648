import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { ProblemDetails } from '../../shared/rest/rest-types.ts';
import type { Described } from '../../shared/rest/schema-names.ts';
import type { RequiredRole } from '../../shared/security/access-role.ts';
import { PROBLEM_JSON } from './problem.ts';

/** What describes a route, for the document and for the docs; nothing here is only for them. */
export interface RouteDescription {
  readonly method: 'GET' | 'POST';
  /** As fastify writes them: `/v1/jobs/:id`. */
  readonly path: string;
  /** Whose token suffices. */
  readonly role: RequiredRole;
  /** What the audit log calls it; without it there is no line. */
  readonly audit?: string;
  readonly summary: string;
  /** The command that asks for it; null: other programs do. */
  readonly command: string | null;
  /** Of the path. */
  readonly params?: z.ZodObject;
  /** Without: any parameter is refused. */
  readonly query?: z.ZodObject;
  /** Without: any body is refused. None at all means the same as `{}`. */
  readonly body?: z.ZodObject;
  /** By status. What is no success is a problem, for every route. */
  readonly answers: Answers;
}

export type Answers = Readonly<Record<number, z.ZodType>>;

/** A route as the server takes it. */
export interface RestRoute extends RouteDescription {
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => unknown;
}

type Input<Schema extends z.ZodObject | undefined> = Schema extends z.ZodObject
  ? z.output<Schema>
  : Readonly<Record<string, never>>;

/** One of the answers that the route declares, or a problem with more to it than an error has. */
export type Answer<Of extends Answers> =
  | {
      [Status in keyof Of & number]: {
        readonly status: Status;
        readonly body: Described<Of[Status]>;
        readonly headers?: Readonly<Record<string, string>>;
      };
    }[keyof Of & number]
  | { readonly problem: ProblemDetails };

export interface RouteInput<
  Params extends z.ZodObject | undefined,
  Query extends z.ZodObject | undefined,
  Body extends z.ZodObject | undefined,
> {
  readonly params: Input<Params>;
  readonly query: Input<Query>;
  readonly body: Input<Body>;
}

const NOTHING = z.strictObject({});

/** A route whose handler gets what its schemas let through, and gives what its answers describe. */
export function route<
  const Of extends Answers,
  Params extends z.ZodObject | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodObject | undefined = undefined,
>(
  entry: Omit<RouteDescription, 'params' | 'query' | 'body' | 'answers'> & {
    readonly params?: Params;
    readonly query?: Query;
    readonly body?: Body;
    readonly answers: Of;
    readonly handle: (
      input: RouteInput<Params, Query, Body>,
    ) => Answer<NoInfer<Of>> | Promise<Answer<NoInfer<Of>>>;
  },
): RestRoute {
  const { params = NOTHING, query = NOTHING, body = NOTHING, handle } = entry;
  const description = entry as RouteDescription;
  return {
    ...description,
    handle: async (request, reply) => {
      const input = {
        params: parse(params, request.params ?? {}, 'the path'),
        query: parse(query, request.query ?? {}, 'the query'),
        body: parse(body, request.body ?? {}, 'the request'),
      };
      return answer(reply, await handle(input as RouteInput<Params, Query, Body>));
    },
  };
}

function answer<Of extends Answers>(reply: FastifyReply, given: Answer<Of>): FastifyReply {
  if ('problem' in given) {
    return reply.status(given.problem.status).type(PROBLEM_JSON).send(given.problem);
  }
  const { status, body, headers = {} } = given;
  return reply.status(Number(status)).headers(headers).send(body);
}

/** Refuses with the name of what is wrong. */
function parse(schema: z.ZodType, value: unknown, what: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const field = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])].join('.');
  const where = field === '' ? what : `"${field.slice(0, 128)}" of ${what}`;
  throw new SluiceError('ARGUMENT_INVALID', `${where} ${reasonOf(issue)}`, {
    domain: 'user',
    context: field === '' ? {} : { field: field.slice(0, 128) },
  });
}

function reasonOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'unrecognized_keys') return 'is not known';
  const isMissing = issue?.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return isMissing ? 'is missing' : `is invalid: ${issue?.message ?? ''}`;
}
