import { type ASTNode, Environment } from '@marcbachmann/cel-js';

/**
 * CEL as Sluice speaks it: the library's language with two additions that records of plain JSON
 * need. Numbers of a record are doubles, so arithmetic and equality between doubles and whole-number
 * literals are defined (`width * 2`, `index == 920`, `sequence % 10`). And a bare name that CEL keeps
 * for a type (`bytes`, `type`, …) means the record's field of that name.
 *
 * The only module that touches the CEL library, beside `compile-expression` and `check-expression`
 * that use what it builds. Any thread.
 */

/** Bounds on what one expression may be; `expressionSchema` puts no bound on its own. */
export const EXPRESSION_LENGTH_MAX = 10_000;

const LIMITS = { maxAstNodes: 5000, maxDepth: 100 };

const number = (value: unknown): number => Number(value);

function withNumbers(environment: Environment): Environment {
  const arithmetic: Readonly<Record<string, (left: unknown, right: unknown) => number>> = {
    '+': (left, right) => number(left) + number(right),
    '-': (left, right) => number(left) - number(right),
    '*': (left, right) => number(left) * number(right),
    '/': (left, right) => number(left) / number(right),
    '%': (left, right) => number(left) % number(right),
  };
  for (const [operator, apply] of Object.entries(arithmetic)) {
    environment.registerOperator(`double ${operator} int`, apply);
    environment.registerOperator(`int ${operator} double`, apply);
  }
  environment.registerOperator('double % double', (left: number, right: number) => left % right);
  // The mirrored `int == double` and both `!=` come with it.
  environment.registerOperator(
    'double == int',
    (left: unknown, right: unknown) => number(left) === number(right),
  );
  return environment;
}

/** Every name is a field of unknown type: how expressions are evaluated. */
export const DYNAMIC_ENVIRONMENT = withNumbers(
  new Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
    limits: LIMITS,
  }),
);

/** No name is known until it is registered: how expressions are checked. */
export function createStrictEnvironment(): Environment {
  return STRICT_ENVIRONMENT.clone();
}

const STRICT_ENVIRONMENT = withNumbers(
  new Environment({ homogeneousAggregateLiterals: false, limits: LIMITS }),
)
  // The dynamic environment finds these at run time; only their types are asked for here.
  .registerOperator('double in list<int>', (value, list) => list.includes(value))
  .registerOperator('int in list<double>', (value, list) => list.includes(value));

/** Names that the library declares as constants (CEL's types) and a record may have as fields. */
const TYPE_NAMES: ReadonlySet<string> = new Set([
  'string',
  'bool',
  'int',
  'uint',
  'double',
  'map',
  'list',
  'bytes',
  'null_type',
  'type',
]);

/** The name under which the field `name` is known to the library. */
export function variableName(name: string): string {
  return TYPE_NAMES.has(name) ? `$${name}` : name;
}

/** The inverse of {@link variableName}. */
export function fieldName(variable: string): string {
  return variable.startsWith('$') ? variable.slice(1) : variable;
}

const MACROS_WITH_VARIABLE: ReadonlySet<string> = new Set([
  'all',
  'exists',
  'exists_one',
  'map',
  'filter',
]);

/**
 * The record's fields that a parsed expression names. On the way, identifiers that are CEL's type
 * names are renamed in place ({@link variableName}), which has to happen before the first check.
 */
export function claimFields(ast: ASTNode): ReadonlySet<string> {
  const fields = new Set<string>();
  visit(ast, new Set(), fields);
  return fields;
}

function visit(node: ASTNode, bound: ReadonlySet<string>, fields: Set<string>): void {
  if (node.op === 'id') {
    if (bound.has(node.args)) return;
    fields.add(node.args);
    if (TYPE_NAMES.has(node.args)) {
      (node as { args: string }).args = variableName(node.args);
    }
    return;
  }
  if (node.op === 'rcall') {
    const [method, receiver, parameters] = node.args;
    visit(receiver, bound, fields);
    const [variable, ...rest] = parameters;
    if (MACROS_WITH_VARIABLE.has(method) && variable?.op === 'id') {
      const inner = new Set(bound).add(variable.args);
      for (const parameter of rest) visit(parameter, inner, fields);
      return;
    }
    for (const parameter of parameters) visit(parameter, bound, fields);
    return;
  }
  visitAll(node.args, bound, fields);
}

/** Operands are nodes, lists of nodes or literals, by operator. */
function visitAll(operand: unknown, bound: ReadonlySet<string>, fields: Set<string>): void {
  if (Array.isArray(operand)) {
    for (const entry of operand) visitAll(entry, bound, fields);
  } else if (isNode(operand)) {
    visit(operand, bound, fields);
  }
}

function isNode(operand: unknown): operand is ASTNode {
  return typeof operand === 'object' && operand !== null && 'op' in operand && 'pos' in operand;
}
