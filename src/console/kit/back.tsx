import { Anchor } from '@mantine/core';
import { IconArrowLeft } from '@tabler/icons-react';
import { useEffect } from 'react';
import { Link, useLocation } from 'react-router';

/** Path → what was looked for there last. */
const lastSearch = new Map<string, string>();

/** Keeps in mind what each list was asked for, until the page is loaded anew. */
export function useTrail(): void {
  const { pathname, search } = useLocation();
  useEffect(() => {
    lastSearch.set(pathname, search);
  }, [pathname, search]);
}

/** From one thing to the list of such things, filtered as it was left. */
export function Back({ to, label }: { to: string; label: string }) {
  const isPlain = !to.includes('?');
  return (
    <Anchor
      component={Link}
      to={isPlain ? to + (lastSearch.get(to) ?? '') : to}
      c="dimmed"
      aria-label={label}
      display="inline-flex"
    >
      <IconArrowLeft size={20} aria-hidden />
    </Anchor>
  );
}
