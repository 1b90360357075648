import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { compileExpression } from '../../../shared/expression/compile-expression.ts';
import type { RecordValue } from '../../../shared/record/stream-record.ts';

const RECORD: RecordValue = {
  uri: 's3://bucket/a/street 1.jpg',
  bytes: 120_000,
  type: 'photo',
  label: 'traffic light',
  index: 920,
  score: 0.75,
  width: 640,
  sequence: 30,
  nothing: null,
  model: { name: 'mobilenetv2', version: '1' },
  topK: [
    { label: 'traffic light', score: 0.75 },
    { label: 'street sign', score: 0.1 },
  ],
};

describe('compileExpression', () => {
  const cases: readonly [string, unknown][] = [
    ['label == "traffic light" && score > 0.5', true],
    ['index == 920', true],
    ['index != 920', false],
    ['920 == index', true],
    ['width * 2 + 1', 1281],
    ['width / 4', 160],
    ['1.5 * 2', 3],
    ['sequence % 10 == 0', true],
    ['-index', -920],
    ['topK[1].label', 'street sign'],
    ['topK.exists(t, t.label == "street sign")', true],
    ['topK.filter(type, type.score > 0.5).map(t, t.label)', ['traffic light']],
    ['model.name + ":" + model.version', 'mobilenetv2:1'],
    ['bytes > 100000', true],
    ['bytes / 1000', 120],
    ['type == "photo"', true],
    ['size(label)', 13],
    ['nothing == null', true],
    ['nothing == "x"', false],
    ['uri.split("/")[3]', 'a'],
    ['label in ["bicycle", "traffic light"]', true],
    ['{"name": label, "half": score / 2}', { name: 'traffic light', half: 0.375 }],
    ['int(score * 100)', 75],
    ['string(index)', '920'],
    ['timestamp("2026-01-02T03:04:05Z")', '2026-01-02T03:04:05.000Z'],
    ['duration("90s")', 90],
    ['has(model.name) && !has(model.owner)', true],
    ['score > 0.5 ? "sure" : "unsure"', 'sure'],
  ];
  for (const [text, expected] of cases) {
    it(`when ${text} is evaluated, then it gives ${JSON.stringify(expected)}`, () => {
      const expression = compileExpression(text);
      assert.deepEqual(expression.evaluate(RECORD), expected);
      // The first evaluation checks types and caches; the second takes the fast way.
      assert.deepEqual(expression.evaluate(RECORD), expected);
    });
  }

  it('when the same expression sees values of other types, then each is judged on its own', () => {
    const expression = compileExpression('a == 1');
    assert.equal(expression.evaluate({ a: 1 }), true);
    assert.equal(expression.evaluate({ a: 'x' }), false);
    assert.equal(expression.evaluate({ a: null }), false);
  });

  it('when fields are named, then they are listed, loop variables are not', () => {
    const { fields } = compileExpression('topK.exists(t, t.label == label) && bytes > 1');
    assert.deepEqual([...fields].sort(), ['bytes', 'label', 'topK']);
  });

  const failures: readonly [string, RegExp, string | undefined][] = [
    ['missing > 1', /"missing > 1" failed: there is no field "missing"/, 'missing'],
    ['model.owner == "x"', /there is no field "owner"/, undefined],
    ['label + 1', /"\+" does not work between text and a number/, undefined],
    ['topK[7].label', /index out of bounds/, undefined],
    ['score && true', /need true or false, got 'double'/, undefined],
    ['9007199254740993', /too large/, undefined],
    ['int("x")', /cannot convert to int/, undefined],
  ];
  for (const [text, message, field] of failures) {
    it(`when ${text} cannot be evaluated, then EXPRESSION_FAILED names it`, () => {
      const expression = compileExpression(text);
      assert.throws(
        () => expression.evaluate(RECORD),
        (error) => {
          assert.ok(error instanceof SluiceError);
          assert.equal(error.code, 'EXPRESSION_FAILED');
          assert.equal(error.context['expression'], text);
          assert.equal(error.context['field'], field);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }

  const invalid: readonly [string, RegExp, number, string | undefined][] = [
    ['label = "x"', /unexpected character: =/, 6, 'Equality is written "==".'],
    ['label == ', /ends too early/, 9, undefined],
    ['score > 0.5 and label == "x"', /"and" is no operator/, 12, 'Write "&&", "||" and "!".'],
    ['"unfinished', /unterminated/i, 0, undefined],
    [`${'('.repeat(200)}1${')'.repeat(200)}`, /maxDepth/, 100, undefined],
    [`label == "${'x'.repeat(10_000)}"`, /longer than 10000/, 0, undefined],
  ];
  for (const [text, message, start, hint] of invalid) {
    it(`when ${text.slice(0, 30)} is no CEL, then EXPRESSION_INVALID says where`, () => {
      assert.throws(
        () => compileExpression(text),
        (error) => {
          assert.ok(error instanceof SluiceError);
          assert.equal(error.code, 'EXPRESSION_INVALID');
          assert.match(error.message, message);
          assert.equal(error.context['start'], start);
          assert.equal(error.hint, hint);
          return true;
        },
      );
    });
  }
});
