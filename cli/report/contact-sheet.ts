import { formatCount, formatDuration, formatRate } from '../output/format.ts';

export interface ContactSheet {
  readonly title: string;
  readonly images: number;
  readonly rejected: number;
  readonly perSecond: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  /** Shown cards; there may be more results than these. */
  readonly cards: readonly ContactSheetCard[];
  readonly rejects: readonly { readonly name: string; readonly message: string }[];
}

export interface ContactSheetCard {
  readonly name: string;
  readonly label: string;
  readonly score: number;
  /** The next best classes. */
  readonly others: readonly { readonly label: string; readonly score: number }[];
  /** A `data:` URL; null where there is no thumbnail of this image. */
  readonly thumbnail: string | null;
}

/** One self-contained page: no scripts, no requests, everything escaped. */
export function contactSheetHtml(sheet: ContactSheet): string {
  const counts = new Map<string, number>();
  for (const card of sheet.cards) counts.set(card.label, (counts.get(card.label) ?? 0) + 1);
  const chips = [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 24)
    .map(([label, count]) => `<li><b>${escapeHtml(label)}</b> ${count}</li>`);
  const shown = sheet.cards.length < sheet.images ? ` · the first ${sheet.cards.length} shown` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(sheet.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(sheet.title)}</h1>
<p>${formatCount(sheet.images)} images · ${formatCount(sheet.rejected)} rejected ·
${formatRate(sheet.perSecond)} images/s · latency p50 ${formatDuration(sheet.latencyP50Ms)},
p99 ${formatDuration(sheet.latencyP99Ms)}${shown}</p>
<ul class="chips">${chips.join('')}</ul>
</header>
<main>
${sheet.cards.map(cardHtml).join('\n')}
</main>
${rejectsHtml(sheet.rejects)}
</body>
</html>
`;
}

function cardHtml(card: ContactSheetCard): string {
  const percent = Math.round(card.score * 100);
  const name = escapeHtml(card.name);
  const image =
    card.thumbnail === null
      ? '<div class="none">no thumbnail</div>'
      : `<img src="${escapeHtml(card.thumbnail)}" alt="${name}" loading="lazy">`;
  const others = card.others
    .map((other) => `${escapeHtml(other.label)} ${Math.round(other.score * 100)}%`)
    .join(' · ');
  return `<figure>${image}<figcaption><b>${escapeHtml(card.label)}</b>
<span class="bar"><i style="width:${percent}%"></i></span><span class="score">${percent}%</span>
<small title="${name}">${name}</small><small class="others">${others}</small></figcaption></figure>`;
}

function rejectsHtml(rejects: ContactSheet['rejects']): string {
  if (rejects.length === 0) return '';
  const rows = rejects.map(
    ({ name, message }) => `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(message)}</td></tr>`,
  );
  return `<section><h2>Rejected</h2><table>${rows.join('')}</table></section>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2330; --dim: #667085; --paper: #f7f8fa;
  --card: #fff; --line: #e4e7ec; --accent: #0e7c66; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --dim: #98a2b3; --paper: #14171d;
  --card: #1d222b; --line: #2c333f; --accent: #3ccfae; } }
* { box-sizing: border-box; }
body { margin: 0; font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
header, main, section { max-width: 1180px; margin: 0 auto; padding: 20px 24px; }
h1 { margin: 0; font-size: 24px; } h2 { font-size: 17px; }
header p { margin: 4px 0 12px; color: var(--dim); }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin: 0; padding: 0; list-style: none; }
.chips li { padding: 2px 10px; border: 1px solid var(--line); border-radius: 99px; background: var(--card); }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 14px; }
figure { margin: 0; overflow: hidden; border: 1px solid var(--line); border-radius: 10px; background: var(--card); }
figure img, .none { display: block; width: 100%; aspect-ratio: 1; object-fit: cover; background: var(--line); }
.none { display: grid; place-items: center; color: var(--dim); font-size: 12px; }
figcaption { display: grid; grid-template-columns: 1fr auto; gap: 2px 8px; align-items: center; padding: 8px 10px; }
figcaption b { grid-column: 1 / -1; }
.bar { height: 5px; overflow: hidden; border-radius: 3px; background: var(--line); }
.bar i { display: block; height: 100%; background: var(--accent); }
.score { font-size: 12px; font-variant-numeric: tabular-nums; color: var(--dim); }
small { grid-column: 1 / -1; overflow: hidden; color: var(--dim); text-overflow: ellipsis; white-space: nowrap; }
.others { font-size: 11px; }
table { width: 100%; border-collapse: collapse; background: var(--card); }
td { padding: 6px 10px; border: 1px solid var(--line); vertical-align: top; }
`;
