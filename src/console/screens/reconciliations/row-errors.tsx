import { Code, List, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../../api/client.ts';
import failure from '../../kit/failure.module.css';
import { Failure } from '../../kit/failure.tsx';
import classes from './drop-zone.module.css';

const ROW = /^row (\d+)$/;
/** A line, or several where a quoted field has line breaks: as the API counts them. */
const CSV_ROW = /(?:"[^"]*"|[^"\n])*\n?/g;
/** How the API says it, and which of our texts says the same. What is not here is shown as it is said. */
const KNOWN = [
  ['amount', /, amount: Expected a decimal/],
  ['digits', /, amount: At most 18 digits/],
  ['amountMissing', /, amount: Required where/],
  ['currency', /, currency: /],
  ['keyMissing', /, businessKey: Required/],
  ['statusMissing', /, status: Required/],
  ['fields', /: It has \d+ fields?/],
  ['quote', /quote/],
  ['twice', / stands in row (\d+) already/],
] as const;

/** Why a list was not taken: row by row, each with what stands there. @param props.text the list */
export function RowErrors({ error, text }: { error: Error; text: string }) {
  const { t } = useTranslation('reconciliations');
  const errors = error instanceof ApiError ? (error.problem.errors ?? []) : [];
  if (!errors.some(({ path }) => ROW.test(path))) return <Failure error={error} />;
  const rows = text.match(CSV_ROW) ?? [];
  return (
    <div className={failure.failure} role="alert">
      <IconAlertTriangle size={20} aria-hidden />
      <Stack gap={6} className={failure.text}>
        <Text fw={600} size="sm">
          {t('rows.title', { count: errors.length })}
        </Text>
        <Text size="sm">{t('rows.hint')}</Text>
        <List size="sm" spacing={6} listStyleType="none" withPadding={false}>
          {errors.map(({ path, message }) => {
            const row = Number(ROW.exec(path)?.[1]);
            return (
              <List.Item key={path + message}>
                <strong>{t('rows.row', { row })}</strong> {explain(message)}
                {rows[row - 1] !== undefined && (
                  <Code className={classes.line}>{rows[row - 1]?.trimEnd()}</Code>
                )}
              </List.Item>
            );
          })}
        </List>
      </Stack>
    </div>
  );

  function explain(message: string): string {
    for (const [kind, pattern] of KNOWN) {
      const [match, first = ''] = pattern.exec(message) ?? [];
      if (match !== undefined) return t(`rows.kind.${kind}`, { first });
    }
    return message.replace(/^Row \d+[:,]\s*/, '');
  }
}
