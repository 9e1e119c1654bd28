import { presentSafely, print } from './print.js';

/** The value of a table cell. Absent and empty values are printed as `-`. */
export type Cell = string | null | undefined;

/** Prints rows under their headings. Each column is as wide as its widest cell. */
export function printTable(headings: readonly string[], rows: readonly (readonly Cell[])[]): void {
  printAligned([headings, ...rows]);
}

/** Prints names and values, one pair per line. */
export function printFields(fields: Record<string, Cell>): void {
  printAligned(Object.entries(fields));
}

function printAligned(rows: readonly (readonly Cell[])[]): void {
  const cells = rows.map((row) => row.map((cell) => (cell ? presentSafely(cell) : '-')));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => [...(row[column] ?? '')].length)),
  );
  for (const row of cells) {
    print(
      row
        .map((cell, column) => cell + padding(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}

function padding(cell: string, width: number): string {
  return ' '.repeat(Math.max(0, width - [...cell].length));
}
