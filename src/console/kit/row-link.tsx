import { Anchor } from '@mantine/core';
import type { MouseEvent, ReactNode } from 'react';
import { Link, type To } from 'react-router';

const MARK = 'data-row-link';
/** What does something of its own where one clicks. */
const OWN = 'a, button, input, select, textarea, label, summary, [role="button"]';

/** Where a row of a `List` leads. It is what the keyboard reaches; a click into the row follows it too. */
export function RowLink({ to, children }: { to: To; children: ReactNode }) {
  return (
    <Anchor
      component={Link}
      to={to}
      title={typeof children === 'string' ? children : undefined}
      fz="inherit"
      fw={550}
      display="block"
      miw={0}
      truncate
      {...{ [MARK]: '' }}
    >
      {children}
    </Anchor>
  );
}

/** Every row link that is shown, in order. */
export function rowLinks(within: ParentNode): HTMLAnchorElement[] {
  return [...within.querySelectorAll<HTMLAnchorElement>(`a[${MARK}]`)];
}

/** Further than a hand shakes: whoever moves on while pressing marks text. */
const DRAG_PX = 5;
let pressedAt = { x: 0, y: 0 };

/**
 * For a row: a click follows its link, with ctrl, cmd or shift in a tab of its own. Not where something
 * has a deed of its own, nor where text was marked: a link laid over the whole row would let nobody
 * mark any. (Rejected: to ask for the selection, which outlives its row and a click into itself.)
 */
export const rowHandlers = {
  onMouseDown({ clientX, clientY }: MouseEvent) {
    pressedAt = { x: clientX, y: clientY };
  },
  onClick(event: MouseEvent<HTMLTableRowElement>) {
    const { currentTarget: row, target, clientX, clientY } = event;
    // A dialog that a row has opened is its child for React, and elsewhere in the page.
    if (!(target instanceof Element) || !row.contains(target) || target.closest(OWN)) return;
    if (Math.hypot(clientX - pressedAt.x, clientY - pressedAt.y) > DRAG_PX) return;
    const [link] = rowLinks(row);
    if (link === undefined) return;
    // For a click that was made up, browsers open no tab.
    if (event.ctrlKey || event.metaKey || event.shiftKey)
      window.open(link.href, '_blank', 'noopener');
    else link.click();
  },
};
