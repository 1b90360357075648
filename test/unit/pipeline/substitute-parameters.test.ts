import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Substitution,
  substituteText,
} from '../../../shared/pipeline/substitute-parameters.ts';

const VALUES = new Map<string, string | number | boolean>([
  ['name', 'photos'],
  ['count', 5],
  ['on', true],
  ['tricky', '${name} $& $1'],
]);

describe('substituteText', () => {
  const cases: readonly [string, Substitution['text'], Substitution['unknown']][] = [
    ['plain', 'plain', []],
    ['${name}', 'photos', []],
    ['${ name }', 'photos', []],
    ['a/${name}/${count}', 'a/photos/5', []],
    ['${count}', 5, []],
    ['${on}', true, []],
    ['x${on}', 'xtrue', []],
    ['$${name}', '${name}', []],
    ['$${name} ${name}', '${name} photos', []],
    ['$$${name}', '$${name}', []],
    ['$name {name} $', '$name {name} $', []],
    ['${nobody}', '${nobody}', ['nobody']],
    ['${name', '${name', [null]],
    ['${}', '${}', ['']],
    ['${tricky}', '${name} $& $1', []],
    ['<${tricky}>', '<${name} $& $1>', []],
  ];
  for (const [text, expected, unknown] of cases) {
    it(`when the text is ${text}, then it becomes ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(substituteText(text, VALUES), { text: expected, unknown });
    });
  }

  const name = fc.stringMatching(/^[a-z]{1,8}$/);
  const value = fc.string({ maxLength: 20 });

  it('when any text is escaped, then it comes out as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'n', 'a') }), (text) => {
        const escaped = text.replaceAll('${', () => '$${');
        const bound = new Map([
          ['n', 'X'],
          ['a', 'Y'],
          ['na', 'Z'],
        ]);
        assert.deepEqual(substituteText(escaped, bound), { text, unknown: [] });
      }),
    );
  });

  it('when parameters have any values, then they are put in once and never looked into', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { minLength: 1 }), (pairs) => {
        const bound = new Map(pairs);
        const text = `:${pairs.map(([key]) => `\${${key}}`).join('|')}`;
        const expected = `:${pairs.map(([key]) => bound.get(key)).join('|')}`;
        assert.deepEqual(substituteText(text, bound), { text: expected, unknown: [] });
      }),
    );
  });
});
