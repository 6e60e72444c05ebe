/** Spaces between columns. */
const GAP = 3;

/**
 * Rows under a head, columns as wide as their widest cell, no space at the ends of lines. Cells come from images and
 * manifests of strangers: control characters, which could steer the terminal, are shown as �.
 */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((cells) => cells.map(printable));
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => widthOf(cells[column] ?? ''))));
  return lines.map((cells) => `${renderRow(cells, widths)}\n`).join('');
}

/** `text` on one line, with what could steer a terminal replaced. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD');
}

function renderRow(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell) + GAP));
  return padded.join('').trimEnd();
}

/** In characters: the cells hold names and dates, where a terminal's double width does not occur. */
function widthOf(cell: string): number {
  return Array.from(cell).length;
}
