/** A Markdown table; `|` in cells is escaped. */
export function presentTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The line that tells what a page is made from. */
export function presentOrigin(source: string): string {
  return `<!-- Made by \`npm run docs\` from ${source}: change that. -->`;
}
