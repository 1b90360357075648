/** Puts texts between the markers of a page. Pure. */
export function replaceSections(page: string, sections: ReadonlyMap<string, string>): string {
  const found = new Set<string>();
  const replaced = page.replaceAll(
    /(<!-- begin: ([a-z-]+) -->\n)[\s\S]*?(<!-- end: \2 -->)/g,
    (_match, begin: string, name: string, end: string) => {
      const text = sections.get(name);
      if (text === undefined) throw new RangeError(`nothing is generated for "${name}"`);
      found.add(name);
      return `${begin}\n${text.trim()}\n\n${end}`;
    },
  );
  for (const name of sections.keys()) {
    if (!found.has(name)) throw new RangeError(`the page has no place for "${name}"`);
  }
  return replaced;
}
