/** Renders nested elements; an array repeats its element. */
export type XmlValue = string | number | boolean | XmlFields;
export interface XmlFields {
  readonly [element: string]: XmlValue | readonly XmlValue[];
}

export function renderXml(root: string, fields: XmlFields): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${renderElement(root, fields)}`;
}

function renderElement(name: string, value: XmlValue): string {
  if (typeof value !== 'object') return `<${name}>${escapeXml(String(value))}</${name}>`;
  const inner = Object.entries(value).flatMap(([child, content]) =>
    (Array.isArray(content) ? content : [content]).map((one: XmlValue) =>
      renderElement(child, one),
    ),
  );
  return `<${name}>${inner.join('')}</${name}>`;
}

function escapeXml(text: string): string {
  return text.replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: keys may hold them
    /[&<>"'\x00-\x1f]/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}

/** The parts named in a CompleteMultipartUpload request. */
export function parseCompletedParts(xml: string): { partNumber: number; etag: string }[] {
  const parts: { partNumber: number; etag: string }[] = [];
  for (const [, part = ''] of xml.matchAll(/<Part>(.*?)<\/Part>/gs)) {
    const partNumber = Number(/<PartNumber>(\d+)<\/PartNumber>/.exec(part)?.[1]);
    const etag = /<ETag>(.*?)<\/ETag>/s.exec(part)?.[1] ?? '';
    parts.push({ partNumber, etag: etag.replaceAll(/&quot;|&#34;|"/g, '').trim() });
  }
  return parts;
}
