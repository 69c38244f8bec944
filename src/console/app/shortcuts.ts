import { useEffect } from 'react';
import { useNavigate } from 'react-router';
import { useSession } from '../api/session.ts';
import { rowLinks } from '../kit/row-link.tsx';
import { screensFor } from './screens.ts';

/** `g` waits this long for its letter. */
const SEQUENCE_MS = 1500;

/**
 * `/` searches, `?` helps, `g` and a letter go to a screen, `j` and `k` through the rows of a list; never
 * while something is written.
 */
export function useShortcuts(toggleHelp: () => void): void {
  const navigate = useNavigate();
  const { data: session } = useSession();
  const role = session?.role;
  useEffect(() => {
    let goneAtMs = Number.NEGATIVE_INFINITY;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
      const isSequence = event.timeStamp - goneAtMs < SEQUENCE_MS;
      goneAtMs = Number.NEGATIVE_INFINITY;
      if (isSequence) {
        const screen = screensFor(role ?? 'merchant').find(({ menu }) => menu?.key === event.key);
        if (screen !== undefined) void navigate(screen.path);
      } else if (event.key === 'g') {
        goneAtMs = event.timeStamp;
      } else if (event.key === 'j' || event.key === 'k') {
        stepRow(event.key === 'j' ? 1 : -1);
      } else if (event.key === '?') {
        toggleHelp();
      } else if (event.key === '/') {
        event.preventDefault();
        const box = document.querySelector<HTMLInputElement>('[type="search"]');
        if (box !== null) box.focus();
        else void navigate('/notifications');
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [navigate, role, toggleHelp]);
}

/** To the next row's link, or the one before; from elsewhere to the first. Enter then opens it. */
function stepRow(step: 1 | -1): void {
  const links = rowLinks(document);
  const here = links.findIndex((link) => link.matches(':focus'));
  links[here < 0 ? 0 : here + step]?.focus();
}

function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
