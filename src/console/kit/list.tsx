import { Button, Center, Paper, Skeleton, Stack, Table } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Pages } from '../api/pages.ts';
import { Failure } from './failure.tsx';
import classes from './list.module.css';
import { rowHandlers } from './row-link.tsx';

export interface Column<T> {
  name: string;
  header: string;
  cell(row: T): ReactNode;
  /** Numbers stand at the right. */
  align?: 'right';
  /** Left out where there is little room: the row's own screen has it. */
  isMinor?: boolean;
}

/** What stands where there is nothing to say; on a phone it would be a line that says nothing. */
const NOTHING = '—';

const WAITING_ROWS = ['a', 'b', 'c', 'd', 'e', 'f'];

/**
 * A list of the API as a table, page after page; below 600 px each row becomes a card of its own. A row
 * in which a cell has a `RowLink` leads there as a whole.
 *
 * @param props.empty what to show when there is nothing, see `Empty`
 * @param props.label what the table is, for those who cannot see it
 */
export function List<T>(props: {
  label: string;
  pages: Pages<T>;
  columns: readonly Column<T>[];
  keyOf(row: T): string;
  empty: ReactNode;
}) {
  const { t } = useTranslation('kit');
  const { pages, columns } = props;
  if (pages.error !== null && pages.rows.length === 0) {
    return <Failure error={pages.error} retry={pages.refetch} />;
  }
  if (pages.isPending) {
    return (
      <Stack gap={6} role="status" aria-busy aria-label={t('loading')}>
        {WAITING_ROWS.map((row) => (
          <Skeleton key={row} height={34} />
        ))}
      </Stack>
    );
  }
  if (pages.rows.length === 0) return props.empty;
  return (
    <Stack gap="sm">
      {pages.error !== null && <Failure error={pages.error} retry={pages.refetch} />}
      <Paper withBorder className={classes.frame}>
        <Table className={classes.table} aria-label={props.label} highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              {columns.map(({ name, header, align }) => (
                <Table.Th key={name} data-align={align}>
                  {header}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {pages.rows.map((row) => (
              <Table.Tr key={props.keyOf(row)} {...rowHandlers}>
                {columns.map(({ name, header, align, isMinor, cell }) => {
                  const content = cell(row);
                  return (
                    <Table.Td
                      key={name}
                      data-label={header}
                      data-align={align}
                      data-spare={isMinor || content === NOTHING || undefined}
                    >
                      {content}
                    </Table.Td>
                  );
                })}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Paper>
      {pages.hasMore && (
        <Center>
          <Button variant="default" onClick={pages.loadMore} loading={pages.isLoadingMore}>
            {t('more')}
          </Button>
        </Center>
      )}
    </Stack>
  );
}
