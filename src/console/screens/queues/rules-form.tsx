import {
  NumberInput,
  Paper,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  TextInput,
  Title,
} from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Choice } from './choice.tsx';
import { type Draft, type Fault, SCALAR_KINDS, SUCCESS_KINDS } from './draft.ts';

interface FormProps {
  draft: Draft;
  faults: ReadonlySet<Fault>;
  write(patch: Partial<Draft>): void;
}

/** What counts as success, and how hard a receiver may be pressed. */
export function RulesForm({ draft, faults, write }: FormProps) {
  const { t } = useTranslation('queues');
  const number = (name: 'timeoutSeconds' | 'maxInFlight' | 'concurrency' | 'rate') => ({
    size: 'xs' as const,
    label: t(`form.${name}`),
    description: t(`form.${name}Hint`),
    value: draft[name],
    error: faults.has(name) && t(`form.${name}Wrong`),
    onChange: (value: number | string) => write({ [name]: value }),
  });
  return (
    <>
      <Paper withBorder p="sm">
        <Stack gap="xs">
          <Title order={2} size="sm">
            {t('field.success')}
          </Title>
          <SuccessForm draft={draft} faults={faults} write={write} />
        </Stack>
      </Paper>
      <Paper withBorder p="sm">
        <Stack gap="xs">
          <Title order={2} size="sm">
            {t('form.limits')}
          </Title>
          <SimpleGrid cols={2} spacing="xs">
            <NumberInput {...number('timeoutSeconds')} step={1} suffix=" s" />
            <NumberInput {...number('maxInFlight')} allowDecimal={false} />
            <NumberInput {...number('rate')} placeholder={t('unlimited')} />
            <NumberInput {...number('concurrency')} allowDecimal={false} />
          </SimpleGrid>
          <Switch
            size="sm"
            label={t('field.supersede')}
            description={t('form.supersedeHint')}
            checked={draft.supersede}
            onChange={(event) => write({ supersede: event.currentTarget.checked })}
          />
        </Stack>
      </Paper>
    </>
  );
}

function SuccessForm({ draft: { success }, faults, write }: FormProps) {
  const { t } = useTranslation('queues');
  const put = (patch: Partial<Draft['success']>) => write({ success: { ...success, ...patch } });
  const needsText =
    success.kind === 'equals' || success.scalar === 'text' || success.scalar === 'number';
  return (
    <>
      <Choice
        label={t('field.success')}
        value={success.kind}
        choices={SUCCESS_KINDS.map((value) => ({ value, label: t(`success.${value}`) }))}
        choose={(kind) => put({ kind })}
      />
      {success.kind === 'json' && (
        <SimpleGrid cols={2} spacing="xs">
          <TextInput
            size="xs"
            label={t('success.path')}
            placeholder="data.code"
            value={success.path}
            error={faults.has('success') && t('success.wrong')}
            onChange={(event) => put({ path: event.currentTarget.value })}
            spellCheck={false}
          />
          <Select
            size="xs"
            label={t('success.scalar')}
            value={success.scalar}
            data={SCALAR_KINDS.map((value) => ({ value, label: t(`success.scalars.${value}`) }))}
            onChange={(value) =>
              put({ scalar: SCALAR_KINDS.find((kind) => kind === value) ?? 'text' })
            }
            allowDeselect={false}
          />
        </SimpleGrid>
      )}
      {success.kind !== 'any' && needsText && (
        <TextInput
          size="xs"
          label={t('success.text')}
          value={success.text}
          onChange={(event) => put({ text: event.currentTarget.value })}
          spellCheck={false}
          maxLength={256}
        />
      )}
    </>
  );
}
