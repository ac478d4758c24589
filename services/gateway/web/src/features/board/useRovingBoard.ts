// Keyboard on the board: one tab stop; left and right move between columns, up and down within one, Home and End to the
// first and last. The elements are those with data-board-item and data-column, in the order of the document.
import { type KeyboardEvent, type RefObject, useCallback, useEffect, useRef } from 'react';

const kItems = '[data-board-item]';

const columnOf = (item: HTMLElement): number => Number(item.dataset.column ?? 0);

function itemsByColumn(root: HTMLElement): HTMLElement[][] {
  const columns: HTMLElement[][] = [];
  root.querySelectorAll<HTMLElement>(kItems).forEach((item) => {
    (columns[columnOf(item)] ??= []).push(item);
  });
  return columns;
}

function target(columns: HTMLElement[][], current: HTMLElement, key: string): HTMLElement | undefined {
  const column = columnOf(current);
  const items = columns[column] ?? [];
  const row = items.indexOf(current);
  const firstOf = (index: number) => {
    const others = columns[index];
    return others?.find((item) => item.matches('button') && item.closest('article')) ?? others?.[0];
  };
  const step = (by: number) => {
    for (let next = column + by; next >= 0 && next < columns.length; next += by) {
      if (columns[next]?.length) return firstOf(next);
    }
    return undefined;
  };
  switch (key) {
    case 'ArrowRight':
      return step(1);
    case 'ArrowLeft':
      return step(-1);
    case 'ArrowDown':
      return items[row + 1];
    case 'ArrowUp':
      return items[row - 1];
    case 'Home':
      return firstOf(columns.findIndex((others) => others?.length));
    case 'End':
      return firstOf(columns.length - 1);
    default:
      return undefined;
  }
}

export function useRovingBoard(root: RefObject<HTMLElement | null>) {
  const current = useRef<HTMLElement | null>(null);

  const choose = useCallback((item: HTMLElement) => {
    if (current.current && current.current !== item) current.current.tabIndex = -1;
    item.tabIndex = 0;
    current.current = item;
  }, []);

  // After every drawing exactly one item can be reached by Tab: the last one used, or the first card.
  useEffect(() => {
    if (!root.current) return;
    if (current.current && root.current.contains(current.current)) {
      current.current.tabIndex = 0;
      return;
    }
    const first = root.current.querySelector<HTMLElement>(`article ${kItems}`) ?? root.current.querySelector<HTMLElement>(kItems);
    if (first) choose(first);
  });

  const onFocus = useCallback(
    (event: { target: EventTarget }) => {
      const item = (event.target as HTMLElement).closest<HTMLElement>(kItems);
      if (item) choose(item);
    },
    [choose],
  );

  const onKeyDown = useCallback(
    (event: KeyboardEvent) => {
      const item = (event.target as HTMLElement).closest<HTMLElement>(kItems);
      if (!item || !root.current || event.altKey || event.ctrlKey || event.metaKey) return;
      const next = target(itemsByColumn(root.current), item, event.key);
      if (!next) return;
      event.preventDefault();
      next.focus();
    },
    [root],
  );

  return { onFocus, onKeyDown };
}
