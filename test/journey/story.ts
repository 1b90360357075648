import { it } from 'node:test';

interface Chapter {
  readonly title: string;
  readonly seconds: number;
  readonly outcome: string;
}

/** Steps that follow each other, told as they happen; what fails ends the story. */
export class Story {
  readonly #chapters: Chapter[] = [];
  #hasFailed = false;

  /** `tell` does the step and gives what came of it, in one line. */
  step(title: string, tell: () => Promise<string>): void {
    it(title, async () => {
      if (this.#hasFailed) throw new Error('an earlier step failed');
      const startedMs = performance.now();
      print(`\n── ${title}`);
      this.#hasFailed = true;
      const outcome = await tell();
      this.#hasFailed = false;
      const seconds = (performance.now() - startedMs) / 1000;
      this.#chapters.push({ title, seconds, outcome });
      print(`   ${outcome} (${seconds.toFixed(1)} s)`);
    });
  }

  /** One more line of the step that is being told. */
  say(line: string): void {
    print(`   ${line}`);
  }

  /** A row for each step. */
  printTable(): void {
    const width = Math.max(...this.#chapters.map(({ title }) => title.length));
    const rows = this.#chapters.map(
      ({ title, seconds, outcome }, index) =>
        `${String(index + 1).padStart(2)}  ${title.padEnd(width)} ${seconds.toFixed(1).padStart(6)} s  ${outcome}`,
    );
    const total = this.#chapters.reduce((sum, { seconds }) => sum + seconds, 0);
    print(
      `\n${rows.join('\n')}\n    ${'in all'.padEnd(width)} ${total.toFixed(1).padStart(6)} s\n`,
    );
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
