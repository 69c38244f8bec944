import {
  Autocomplete,
  Button,
  Group,
  NativeSelect,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type CreatedKey, useCreateKey } from '../../api/keys.ts';
import { useMerchantIds } from '../../api/merchants.ts';
import { Dialog } from '../../kit/dialog.tsx';
import { Failure } from '../../kit/failure.tsx';
import { SecretOnce } from '../../kit/secret-once.tsx';
import { ScopeFields } from './scope-fields.tsx';
import { keyOf, LIFE_NAMES, NEW, ROLES, type Written } from './written.ts';

/** Makes a key, and shows it once. */
export function CreateKey({ isOpen, close }: { isOpen: boolean; close(): void }) {
  const { t } = useTranslation('keys');
  const { t: kit } = useTranslation('kit');
  const [written, setWritten] = useState(NEW);
  const [made, setMade] = useState<CreatedKey | null>(null);
  const create = useCreateKey();
  const ids = useMerchantIds(isOpen);
  const fields = keyOf(written);
  const write = (patch: Partial<Written>) => setWritten((before) => ({ ...before, ...patch }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (fields === null) return;
    create.mutate(fields, {
      onSuccess(key) {
        setMade(key);
        setWritten(NEW);
        close();
      },
    });
  };
  return (
    <>
      <Dialog opened={isOpen} onClose={close} title={t('create.open')} size="xl">
        <form onSubmit={submit}>
          <Stack>
            <WhoFields written={written} merchantIds={ids} write={write} />
            <ScopeFields written={written} merchantIds={ids} write={write} />
            <EndFields written={written} write={write} />
            {create.error !== null && <Failure error={create.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                {kit('cancel')}
              </Button>
              <Button type="submit" loading={create.isPending} disabled={fields === null}>
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

interface Fields {
  written: Written;
  write(patch: Partial<Written>): void;
}

function WhoFields({ written, write, merchantIds }: Fields & { merchantIds: string[] }) {
  const { t } = useTranslation('keys');
  const { role, name, merchantId } = written;
  return (
    <>
      <NativeSelect
        label={t('columns.role')}
        description={t(`rolesHint.${role}`)}
        value={role}
        data={ROLES.map((value) => ({ value, label: t(`roles.${value}`) }))}
        onChange={({ currentTarget: { value } }) =>
          write({ role: ROLES.find((each) => each === value) ?? 'producer' })
        }
        data-autofocus
      />
      <TextInput
        label={t('columns.name')}
        description={t('create.nameHint')}
        value={name}
        onChange={(event) => write({ name: event.currentTarget.value })}
        maxLength={128}
        required
      />
      {role === 'merchant' && (
        <Autocomplete
          label={t('columns.merchant')}
          data={merchantIds}
          value={merchantId}
          onChange={(id) => write({ merchantId: id })}
          maxLength={64}
          required
          spellCheck={false}
        />
      )}
    </>
  );
}

function EndFields({ written: { life, until }, write }: Fields) {
  const { t } = useTranslation('keys');
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }}>
      <NativeSelect
        label={t('columns.expires')}
        value={life}
        data={LIFE_NAMES.map((value) => ({ value, label: t(`lives.${value}`) }))}
        onChange={({ currentTarget: { value } }) =>
          write({ life: LIFE_NAMES.find((name) => name === value) ?? 'usual' })
        }
      />
      {life === 'date' && (
        <TextInput
          type="datetime-local"
          label={t('create.until')}
          description={t('create.untilHint')}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={until}
          onChange={(event) => write({ until: event.currentTarget.value })}
          error={until !== '' && Date.parse(until) <= Date.now() ? t('create.untilPast') : null}
          required
        />
      )}
    </SimpleGrid>
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
