import { SluiceError } from '../shared/errors/sluice-error.ts';

/** Collects `--set name=value` options (commander's parser signature). */
export function collectParameter(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const separator = text.indexOf('=');
  if (separator < 1) {
    throw new SluiceError('ARGUMENT_INVALID', `--set takes name=value, not "${text}"`, {
      domain: 'user',
      hint: '--set images=./photos',
    });
  }
  return { ...previous, [text.slice(0, separator)]: text.slice(separator + 1) };
}
