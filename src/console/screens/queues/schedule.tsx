import { Group, Paper, Stack, Text, TextInput, Title } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { type Rules, usePreview } from '../../api/queues.ts';
import { Failure } from '../../kit/failure.tsx';
import { Choice } from './choice.tsx';
import { Curve } from './curve.tsx';
import type { Rung } from './draft.ts';
import { Rungs } from './rungs.tsx';
import { SCALES } from './scale.ts';
import { writeSpan } from './span.ts';

const PAUSE_MS = 150;
const TEN = '10:00';

/**
 * A ladder over time: its curve, and "a payment at 10:00 would be tried at …".
 *
 * @param props.rules what is written, as far as it makes sense; `null`: it does not
 * @param props.change absent: it is only to be read
 */
export function useSchedule(props: {
  name: string;
  rules: Rules | null;
  rungs: readonly Rung[];
  change?: (rungs: Rung[]) => void;
}) {
  const { t } = useTranslation('queues');
  const [params, setParams] = useSearchParams();
  const [active, point] = useState<number | null>(null);
  const time = /^\d\d:\d\d$/.test(params.get('at') ?? '') ? (params.get('at') ?? TEN) : TEN;
  const from = useMemo(() => todayAt(time), [time]);
  const [rules] = useDebouncedValue(props.rules, PAUSE_MS);
  const preview = usePreview(props.name, rules, from);
  const scale = SCALES.find((name) => name === params.get('scale')) ?? 'log';
  const set = (name: string, value: string) =>
    setParams(
      (before) => {
        before.set(name, value);
        return before;
      },
      { replace: true },
    );
  const attempts = preview.data?.attempts ?? [];
  const curve = (
    <Paper withBorder p="sm">
      <Group justify="space-between" gap="xs" mb={4}>
        <Title order={2} size="sm">
          {t('curve.title')}
        </Title>
        <Choice
          label={t('curve.scale')}
          value={scale}
          choices={SCALES.map((value) => ({ value, label: t(`curve.scales.${value}`) }))}
          choose={(name) => set('scale', name)}
        />
      </Group>
      {preview.error !== null && <Failure error={preview.error} retry={preview.refetch} />}
      {preview.data !== undefined && (
        <Curve preview={preview.data} scale={scale} active={active} point={point} />
      )}
      <Text size="xs" c="dimmed">
        {t('curve.legend')}
      </Text>
    </Paper>
  );
  const list = (
    <Paper withBorder p="sm">
      <Stack gap="xs">
        <Group gap={8}>
          <Title order={2} size="sm">
            {t('when.a')}
          </Title>
          <TextInput
            size="xs"
            type="time"
            aria-label={t('when.label')}
            value={time}
            onChange={({ currentTarget: { value } }) => value !== '' && set('at', value)}
          />
          <Text size="sm" fw={600}>
            {t('when.b')}
          </Text>
        </Group>
        <Text size="sm" c="dimmed">
          {t('when.sum', {
            count: attempts.length,
            last: writeSpan(attempts.at(-1)?.offsetSeconds ?? 0),
          })}
        </Text>
        <Rungs
          rungs={props.rungs}
          preview={preview.data}
          active={active}
          point={point}
          change={props.change}
        />
      </Stack>
    </Paper>
  );
  return { curve, list };
}

function todayAt(time: string): string {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  const date = new Date();
  date.setHours(hours, minutes, 0, 0);
  return date.toISOString();
}
