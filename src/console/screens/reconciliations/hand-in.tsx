import { Button, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { IconArrowsDiff, IconFileSpreadsheet } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useHandIn } from '../../api/recovery.ts';
import { DayChoice, useDay } from '../../kit/day-choice.tsx';
import { MerchantChoice, useMerchant } from '../../kit/merchant-choice.tsx';
import { useToast } from '../../kit/toast.ts';
import classes from './drop-zone.module.css';
import { DropZone } from './drop-zone.tsx';
import { type Fault, faultOf, type ListFile, MOST_MIB, MOST_RECORDS } from './list-file.ts';
import { RowErrors } from './row-errors.tsx';

const PREVIEWED_LINES = 4;

/** Where a merchant's list of a day is handed in. */
export function HandIn() {
  const { t } = useTranslation('reconciliations');
  const { merchantId } = useMerchant();
  const { date, timezone } = useDay();
  const [list, setList] = useState<ListFile | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const navigate = useNavigate();
  const toast = useToast();
  const handIn = useHandIn({ merchantId, date, timezone });
  const begin = (chosen: ListFile | null, wrong: Fault | null) => {
    setList(chosen);
    setFault(wrong);
    handIn.reset();
  };
  const compare = async ({ text }: ListFile) => {
    const { id, status } = await handIn.mutateAsync(text);
    if (status !== 'running') toast(t('known'));
    await navigate(`/reconciliations/${id}`);
  };
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="hand-in">
      <Stack gap="sm">
        <Title order={2} size="md" id="hand-in">
          {t('handIn')}
        </Title>
        <Group gap="sm" align="flex-end">
          <MerchantChoice />
          <DayChoice />
        </Group>
        {list === null ? (
          <DropZone
            take={(taken) => begin(taken, null)}
            refuse={(error) => begin(null, faultOf(error))}
          />
        ) : (
          <Chosen list={list} />
        )}
        {fault !== null && (
          <Text size="sm" c="var(--bad)" role="alert">
            {t(`fault.${fault}`, { mib: MOST_MIB, records: MOST_RECORDS })}
          </Text>
        )}
        {handIn.error !== null && <RowErrors error={handIn.error} text={list?.text ?? ''} />}
        {list !== null && (
          <Group gap="xs">
            <Button
              leftSection={<IconArrowsDiff size={16} aria-hidden />}
              loading={handIn.isPending}
              disabled={merchantId === ''}
              onClick={() => void compare(list).catch(() => {})}
            >
              {t('compare')}
            </Button>
            <Button variant="default" onClick={() => begin(null, null)}>
              {t('other')}
            </Button>
            {merchantId === '' && (
              <Text size="sm" c="dimmed">
                {t('chooseFirst')}
              </Text>
            )}
          </Group>
        )}
      </Stack>
    </Paper>
  );
}

function Chosen({ list }: { list: ListFile }) {
  const { t } = useTranslation('reconciliations');
  const { name, text, recordCount, encoding } = list;
  const preview = text.slice(0, 2000).split(/\r?\n/).slice(0, PREVIEWED_LINES).join('\n');
  return (
    <div className={`${classes.zone} ${classes.chosen}`}>
      <Group gap="xs" mb={8}>
        <IconFileSpreadsheet size={20} stroke={1.6} aria-hidden />
        <Text fw={600} size="sm">
          {name || t('pasted')}
        </Text>
        <Text size="sm" c="dimmed">
          {t('records', { count: recordCount })}
          {encoding !== 'utf-8' && ` · ${t('converted', { encoding: encoding.toUpperCase() })}`}
        </Text>
      </Group>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <pre className={classes.preview} tabIndex={0}>
        {preview}
      </pre>
    </div>
  );
}
