import { Autocomplete, Button, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type CreatedKey, type Key, useCreateKey } from '../../api/keys.ts';
import { useMerchantIds } from '../../api/merchants.ts';
import { Dialog } from '../../kit/dialog.tsx';
import { Failure } from '../../kit/failure.tsx';
import { SecretOnce } from '../../kit/secret-once.tsx';

const ROLES = ['producer', 'merchant', 'operator'] as const;
/** What is said of its end; of the usual one nothing. */
const LIVES = {
  usual: {},
  month: { expiresInDays: 30 },
  quarter: { expiresInDays: 90 },
  year: { expiresInDays: 365 },
  never: { expiresAt: null },
} as const;
const LIFE_NAMES = ['usual', 'month', 'quarter', 'year', 'never'] as const;

interface Written {
  role: Key['role'];
  name: string;
  merchantId: string;
  life: keyof typeof LIVES;
}
const NEW: Written = { role: 'producer', name: '', merchantId: '', life: 'usual' };

/** Makes a key, and shows it once. */
export function CreateKey({ isOpen, close }: { isOpen: boolean; close(): void }) {
  const { t } = useTranslation('keys');
  const { t: kit } = useTranslation('kit');
  const [written, setWritten] = useState(NEW);
  const [made, setMade] = useState<CreatedKey | null>(null);
  const create = useCreateKey();
  const ids = useMerchantIds(isOpen);
  const { role, life } = written;
  const merchantId = role === 'operator' ? null : written.merchantId.trim() || null;
  const isReady = written.name.trim() !== '' && (role !== 'merchant' || merchantId !== null);
  const write = (patch: Partial<Written>) => setWritten((before) => ({ ...before, ...patch }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      { role, name: written.name.trim(), merchantId, ...LIVES[life] },
      {
        onSuccess(key) {
          setMade(key);
          setWritten(NEW);
          close();
        },
      },
    );
  };
  return (
    <>
      <Dialog opened={isOpen} onClose={close} title={t('create.open')}>
        <form onSubmit={submit}>
          <Stack>
            <NativeSelect
              label={t('columns.role')}
              description={t(`rolesHint.${role}`)}
              value={role}
              data={ROLES.map((value) => ({ value, label: t(`roles.${value}`) }))}
              onChange={({ currentTarget: { value } }) =>
                write({ role: ROLES.find((name) => name === value) ?? 'producer' })
              }
              data-autofocus
            />
            <TextInput
              label={t('columns.name')}
              description={t('create.nameHint')}
              value={written.name}
              onChange={(event) => write({ name: event.currentTarget.value })}
              maxLength={128}
              required
            />
            {role !== 'operator' && (
              <Autocomplete
                label={t('columns.merchant')}
                description={role === 'producer' && t('create.merchantHint')}
                data={ids}
                value={written.merchantId}
                onChange={(merchantId) => write({ merchantId })}
                maxLength={64}
                required={role === 'merchant'}
                spellCheck={false}
              />
            )}
            <NativeSelect
              label={t('columns.expires')}
              value={life}
              data={LIFE_NAMES.map((value) => ({ value, label: t(`lives.${value}`) }))}
              onChange={({ currentTarget: { value } }) =>
                write({ life: LIFE_NAMES.find((name) => name === value) ?? 'usual' })
              }
            />
            {create.error !== null && <Failure error={create.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                {kit('cancel')}
              </Button>
              <Button type="submit" loading={create.isPending} disabled={!isReady}>
                {t('create.submit')}
              </Button>
            </Group>
          </Stack>
        </form>
      </Dialog>
      <SecretOnce
        title={t('create.made')}
        secrets={made && secretsOf(made)}
        close={() => setMade(null)}
      >
        {made?.callbackSecret !== undefined && (
          <Text size="sm" c="dimmed">
            {t('create.callback')}
          </Text>
        )}
      </SecretOnce>
    </>
  );
}

function secretsOf({ key, callbackSecret }: CreatedKey) {
  return [
    { name: 'key' as const, text: key },
    ...(callbackSecret === undefined
      ? []
      : [{ name: 'callbackSecret' as const, text: callbackSecret }]),
  ];
}
