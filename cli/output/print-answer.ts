import process from 'node:process';

/** What a command was answered: as JSON, or as a person reads it. */
export function printAnswer<Answer>(
  answer: Answer,
  options: { readonly json?: boolean; readonly text: (answer: Answer) => string },
): void {
  const text = options.json === true ? JSON.stringify(answer, null, 2) : options.text(answer);
  process.stdout.write(`${text}\n`);
}
