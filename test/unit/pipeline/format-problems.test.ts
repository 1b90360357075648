import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatProblems } from '../../../shared/pipeline/format-problems.ts';
import { PipelineSource } from '../../../shared/pipeline/pipeline-source.ts';

describe('formatProblems', () => {
  it('when a line begins with tabs, then the caret stands below its letter', () => {
    const source = new PipelineSource('p.yaml', 'a\n\tkey: value\n');
    const problem = source.problemInRange(
      { start: 8, end: 13 },
      { code: 'PIPELINE_INVALID', message: 'no', hint: 'do' },
    );
    assert.equal(
      formatProblems([problem]),
      'p.yaml:2:7: no\n  2 | \tkey: value\n    | \t     ^^^^^\n  do',
    );
  });

  it('when the text holds control characters, then the terminal never sees them', () => {
    const source = new PipelineSource('p.yaml', 'key: \u001b[31mred\u0007\r\n');
    const problem = source.problemInRange(
      { start: 5, end: 40 },
      { code: 'PIPELINE_INVALID', message: 'bad \u001b]0;title\u0007', severity: 'warning' },
    );
    const printed = formatProblems([problem]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    assert.doesNotMatch(printed, /[\u0000-\u0008\u000b-\u001f\u007f]/);
    assert.match(printed, /^p\.yaml:1:6: warning: bad /);
  });

  it('when a line is very long, then a window around the place is shown', () => {
    const text = `${'x'.repeat(500)}HERE${'y'.repeat(500)}`;
    const source = new PipelineSource('p.yaml', text);
    const details = { code: 'PIPELINE_INVALID', message: 'm' } as const;
    const problem = source.problemInRange({ start: 500, end: 504 }, details);
    const [, excerpt = '', carets = ''] = formatProblems([problem]).split('\n');
    assert.equal(excerpt.indexOf('HERE'), carets.indexOf('^^^^'));
    assert.ok(excerpt.length < 140);
  });

  it('when a place lies behind the end, then it is shown at the end', () => {
    const source = new PipelineSource('p.yaml', 'ab');
    const details = { code: 'PIPELINE_SYNTAX', message: 'm' } as const;
    const problem = source.problemInRange({ start: 99, end: 120 }, details);
    assert.equal(formatProblems([problem]), 'p.yaml:1:3: m\n  1 | ab\n    |   ^');
  });
});
