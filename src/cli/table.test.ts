import { describe, expect, it } from 'vitest';
import { renderTable } from './table.ts';

describe('renderTable()', () => {
  it('aligns columns by their widest cell and leaves no space at the end', () => {
    const table = renderTable(
      ['ID', 'NAME', 'STATE'],
      [
        ['1', 'a long name', ''],
        ['22', 'ü', 'Ready'],
      ],
    );
    expect(table).toBe(['ID   NAME          STATE', '1    a long name', '22   ü             Ready', ''].join('\n'));
  });

  it('shows the head of an empty table', () => {
    expect(renderTable(['ID', 'NAME'], [])).toBe('ID   NAME\n');
  });

  it('lets no cell steer the terminal or break the line', () => {
    expect(renderTable(['A'], [['\u001b[2J\nx\u202Ey']])).toBe('A\n\uFFFD[2J\uFFFDx\uFFFDy\n');
  });
});
