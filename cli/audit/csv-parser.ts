/** CSV (RFC 4180) that comes in pieces → its rows as lists of texts. Bounded by the longest row. */
export class CsvParser {
  #row: string[] = [];
  #field = '';
  #state: 'plain' | 'quoted' | 'quote-in-quoted' = 'plain';

  /** The rows that this piece ends. */
  push(text: string): string[][] {
    const rows: string[][] = [];
    for (const character of text) {
      if (this.#state === 'quoted') {
        if (character === '"') this.#state = 'quote-in-quoted';
        else this.#field += character;
        continue;
      }
      if (character === '"') {
        if (this.#state === 'quote-in-quoted') this.#field += '"';
        this.#state = 'quoted';
        continue;
      }
      this.#state = 'plain';
      if (character === ',') this.#endField();
      else if (character === '\n') rows.push(this.#endRow());
      else if (character !== '\r') this.#field += character;
    }
    return rows;
  }

  /** A last row without a line's end. */
  end(): string[][] {
    const isEmpty = this.#row.length === 0 && this.#field === '';
    return isEmpty ? [] : [this.#endRow()];
  }

  #endField(): void {
    this.#row.push(this.#field);
    this.#field = '';
  }

  #endRow(): string[] {
    this.#endField();
    const row = this.#row;
    this.#row = [];
    return row;
  }
}
