import type { Frame } from './cpu-profile.ts';

const WIDTH = 1200;
const ROW = 16;
/** A narrower frame cannot be seen. */
const LEAST_WIDTH = 1.5;
const CHARACTER_WIDTH = 6.2;
const COLOURS: Readonly<Record<string, string>> = { gateway: '#e8743b', services: '#e0a63a', libs: '#c9b458', runtime: '#9aa5b1' };
const PACKAGE_COLOUR = '#7fa88b';

/** A picture of calls: width is time, what is called stands above its caller, the widest first. SVG 1.1, no script. */
export function flameGraph(root: Frame, title: string): string {
  const rows: string[] = [];
  let depth = 0;
  const draw = (frame: Frame, x: number, level: number): void => {
    const width = (frame.totalUs / root.totalUs) * WIDTH;
    if (width < LEAST_WIDTH) return;
    depth = Math.max(depth, level);
    rows.push(box(frame, { x, level, width, share: (100 * frame.totalUs) / root.totalUs }));
    let at = x;
    for (const child of [...frame.children.values()].sort((left, right) => right.totalUs - left.totalUs)) {
      draw(child, at, level + 1);
      at += (child.totalUs / root.totalUs) * WIDTH;
    }
  };
  draw(root, 0, 0);
  const height = (depth + 3) * ROW;
  // Drawn from the bottom upwards: the origin is the lower left corner.
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10">
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="4" y="13" font-size="12">${escaped(title)}</text>
<g transform="translate(0,${height - ROW})">
${rows.join('\n')}
</g>
</svg>
`;
}

interface Place {
  readonly x: number;
  readonly level: number;
  readonly width: number;
  readonly share: number;
}

function box({ name, part }: Frame, { x, level, width, share }: Place): string {
  const label = `${part === '' ? '' : `${part}: `}${name}`;
  const room = Math.floor((width - 4) / CHARACTER_WIDTH);
  const shown = room < 3 ? '' : `<text x="${round(x + 2)}" y="${11 - level * ROW}">${escaped(name.slice(0, room))}</text>`;
  return `<g><title>${escaped(`${label} (${share.toFixed(1)} %)`)}</title><rect x="${round(x)}" y="${-level * ROW}" width="${round(width - 0.3)}" height="${ROW - 1}" fill="${colourOf(part)}"/>${shown}</g>`;
}

function colourOf(part: string): string {
  return COLOURS[part === '' ? 'runtime' : part.split('/')[0]!] ?? PACKAGE_COLOUR;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]!);
}
