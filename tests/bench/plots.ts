/** A line of a plot: its name, and its points from left to right. */
export interface Line {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
}

const width = 720;
const height = 360;
const margin = { left: 70, right: 190, top: 40, bottom: 50 };
const colours = ['#0b62a4', '#c0392b', '#2e8b57', '#8e44ad', '#d98200', '#555555'];

/** Draws lines as an SVG, with a logarithmic x axis and a linear y axis from 0. */
export function drawPlot(title: string, xTitle: string, yTitle: string, lines: readonly Line[]): string {
  const xs = lines.flatMap(({ points }) => points.map(([x]) => Math.log10(x)));
  const [min, max] = [Math.min(...xs), Math.max(...xs)];
  const top = roundUp(Math.max(...lines.flatMap(({ points }) => points.map(([, y]) => y))));
  const right = width - margin.right;
  const bottom = height - margin.bottom;
  const atX = (x: number) => margin.left + ((Math.log10(x) - min) / (max - min || 1)) * (right - margin.left);
  const atY = (y: number) => bottom - (y / top) * (bottom - margin.top);
  const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => share * top);
  const marks = [...new Set(lines.flatMap(({ points }) => points.map(([x]) => x)))];
  const parts = [
    text(width / 2, 22, title, 'middle', 15),
    ...steps.flatMap((y) => [
      `<line x1="${margin.left}" y1="${at(atY(y))}" x2="${right}" y2="${at(atY(y))}" stroke="#ddd"/>`,
      text(margin.left - 8, atY(y) + 4, y.toLocaleString('en'), 'end'),
    ]),
    ...marks.map((x) => text(atX(x), bottom + 18, x.toLocaleString('en'), 'middle')),
    text((margin.left + right) / 2, height - 12, xTitle, 'middle'),
    text(margin.left - 8, margin.top - 14, yTitle, 'end'),
    ...lines.flatMap(({ name, points }, n) => {
      const colour = colours[n % colours.length];
      const path = points.map(([x, y]) => `${at(atX(x))},${at(atY(y))}`).join(' ');
      const y = margin.top + 20 * n;
      return [
        `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...points.map(([x, y]) => `<circle cx="${at(atX(x))}" cy="${at(atY(y))}" r="3" fill="${colour}"/>`),
        `<line x1="${right + 14}" y1="${y}" x2="${right + 34}" y2="${y}" stroke="${colour}" stroke-width="2"/>`,
        text(right + 40, y + 4, name, 'start'),
      ];
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif">
<rect width="${width}" height="${height}" fill="white"/>
${parts.join('\n')}
</svg>
`;
}

function text(x: number, y: number, content: string, anchor: string, size = 12): string {
  return `<text x="${at(x)}" y="${at(y)}" font-size="${size}" text-anchor="${anchor}">${content}</text>`;
}

const at = (coordinate: number): string => coordinate.toFixed(1);

/** Rounds up to the next 1, 2, 4, 8 or 10 times a power of ten. */
function roundUp(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 8, 10].find((step) => step * unit >= value) ?? 10) * unit;
}
