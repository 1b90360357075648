/** The table of routes, the OpenAPI document, the client, the commands and the pages say the same. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { commandHelp } from '../../docs/generator/command-help.ts';
import { openApiText } from '../../docs/generator/rest-api.ts';
import { templateOf } from '../../jobmanager/rest/openapi.ts';
import { restRoutes } from '../../jobmanager/rest/routes.ts';
import { RestClient } from '../../shared/rest/rest-client.ts';

const read = (file: string): string =>
  readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

const routes = restRoutes({} as never);
const committed = read('docs/openapi.json');

/** What `/v1/jobs/:id` and the like are called with. */
const EXAMPLES: Readonly<Record<string, string>> = { checkpoint: '7', vertex: 'read', id: 'a1' };

test('when a route changes, then docs/openapi.json is made anew', () => {
  assert.equal(committed, openApiText(), 'docs/openapi.json is old: npm run docs');
});

test('when the document is checked by others, then it is OpenAPI 3.1 with every reference resolved', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(JSON.parse(committed));
  assert.ok(valid, JSON.stringify(errors, null, 2));
  assert.equal(validator.version, '3.1');
  const references = [...committed.matchAll(/"\$ref": "#\/components\/(\w+)\/(\w+)"/gu)];
  const { components } = JSON.parse(committed) as {
    components: Record<string, Record<string, unknown>>;
  };
  assert.ok(references.length > 50);
  for (const [, kind = '', name = ''] of references) {
    assert.ok(components[kind]?.[name] !== undefined, `${kind}/${name} is there`);
  }
});

test('when there is a route, then the document and the page have it, and none else', () => {
  const names = routes.map(({ method, path }) => `${method} ${templateOf(path)}`).toSorted();
  const { paths } = JSON.parse(committed) as {
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  const described = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(described.toSorted(), names);
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  const ids = operations.map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length, 'every operation has an id of its own');
  const onPage = [...read('docs/rest-api.md').matchAll(/^\| `((?:GET|POST) [^`]+)`/gmu)];
  assert.deepEqual(onPage.map(([, name]) => name).toSorted(), names);
});

test('when a route changes something, then operators may, and the audit log tells of it', () => {
  for (const { method, path, role, audit } of routes.filter(({ method }) => method === 'POST')) {
    assert.ok(role === 'operator' || role === 'admin', `${method} ${path}`);
    assert.match(audit ?? '', /^[a-z-]+\.[a-z-]+$/u, `${method} ${path}`);
  }
  const open = routes.filter(({ role }) => role === 'none').map(({ path }) => path);
  assert.deepEqual(open, ['/v1/health', '/v1/openapi.json']);
});

test('when there is a route for people, then a command asks for it, and its help tells of it', () => {
  const help = new Map(commandHelp().map(({ name, text }) => [name, text]));
  const page = read('docs/cli.md');
  for (const { path, command } of routes) {
    if (command === null) {
      assert.ok(['/metrics', '/v1/openapi.json'].includes(path), `${path} has a command`);
      continue;
    }
    assert.ok(help.has(command), `"${command}", which asks for ${path}, is a command`);
    assert.ok(help.get(command)?.includes('--json'), `${command} has --json`);
    assert.ok(page.includes(`### ${command}\n`), `docs/cli.md has ${command}`);
  }
});

test('when there is a route for people, then the client asks for it as the table says', async () => {
  const asked = new Set<string>();
  const client = new RestClient('127.0.0.1:1', {
    fetch: async (input, init) => {
      asked.add(`${init?.method ?? 'GET'} ${new URL(String(input)).pathname}`);
      return Response.json({});
    },
  });
  await callEverything(client);
  const expected = routes
    .filter(({ command }) => command !== null)
    .map(({ method, path }) => {
      const called = path.replaceAll(/:(\w+)/gu, (_, name: string) => EXAMPLES[name] ?? '?');
      return `${method} ${called}`;
    });
  assert.deepEqual([...asked].toSorted(), expected.toSorted());
});

async function callEverything(client: RestClient): Promise<void> {
  const request = { pipeline: 'x', fileName: 'x', baseDirectory: '/', parameters: {} };
  const calls: { readonly [Method in keyof RestClient]: () => Promise<unknown> } = {
    health: () => client.health(),
    cluster: () => client.cluster(),
    config: () => client.config(),
    log: () => client.log({ tail: 5 }),
    taskManagerLog: () => client.taskManagerLog('a1'),
    taskManagers: () => client.taskManagers(),
    taskManager: () => client.taskManager('a1'),
    drain: () => client.drain('a1'),
    jobs: () => client.jobs(),
    job: () => client.job('a1'),
    plan: () => client.plan('a1'),
    exceptions: () => client.exceptions('a1'),
    vertices: () => client.vertices('a1'),
    vertex: () => client.vertex('a1', 'read'),
    subtasks: () => client.subtasks('a1', 'read'),
    checkpoints: () => client.checkpoints('a1'),
    checkpoint: () => client.checkpoint('a1', 7),
    submitJob: () => client.submitJob(request),
    cancelJob: () => client.cancelJob('a1'),
    stopJob: () => client.stopJob('a1'),
    savepoint: () => client.savepoint('a1'),
    stopWithSavepoint: () => client.stopWithSavepoint('a1'),
  };
  for (const call of Object.values(calls)) await call();
}
