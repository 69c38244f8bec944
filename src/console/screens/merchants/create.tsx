import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { isCode } from '../../api/client.ts';
import { useCreateMerchant } from '../../api/merchants.ts';
import { Dialog } from '../../kit/dialog.tsx';
import { Failure } from '../../kit/failure.tsx';
import { SecretOnce } from '../../kit/secret-once.tsx';

/** Makes a merchant, and shows its first key and its signing secret once. */
export function CreateMerchant({ isOpen, close }: { isOpen: boolean; close(): void }) {
  const { t } = useTranslation('merchants');
  const { t: kit } = useTranslation('kit');
  const [fields, setFields] = useState({ id: '', name: '' });
  const [made, setMade] = useState<{ id: string; key: string; secret: string } | null>(null);
  const create = useCreateMerchant();
  const id = fields.id.trim();
  const name = fields.name.trim();
  const isId = /^[A-Za-z0-9_-]{0,64}$/.test(id);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      { name, ...(id !== '' && { id }) },
      {
        onSuccess(merchant) {
          setMade(merchant);
          setFields({ id: '', name: '' });
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
            <TextInput
              label={t('columns.name')}
              value={fields.name}
              onChange={(event) => setFields({ ...fields, name: event.currentTarget.value })}
              maxLength={128}
              required
              data-autofocus
            />
            <TextInput
              label={t('columns.id')}
              description={t('create.idHint')}
              value={fields.id}
              error={
                !isId
                  ? t('create.idWrong')
                  : isCode(create.error, 'merchant_exists') && t('create.taken')
              }
              onChange={(event) => setFields({ ...fields, id: event.currentTarget.value })}
              maxLength={64}
              spellCheck={false}
              autoComplete="off"
            />
            {create.error !== null && !isCode(create.error, 'merchant_exists') && (
              <Failure error={create.error} />
            )}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                {kit('cancel')}
              </Button>
              <Button type="submit" loading={create.isPending} disabled={name === '' || !isId}>
                {t('create.submit')}
              </Button>
            </Group>
          </Stack>
        </form>
      </Dialog>
      <SecretOnce
        title={t('create.made', { id: made?.id ?? '' })}
        secrets={
          made && [
            { name: 'key', text: made.key },
            { name: 'secret', text: made.secret },
          ]
        }
        close={() => setMade(null)}
      >
        <Text size="sm" c="dimmed">
          {t('create.about')}
        </Text>
      </SecretOnce>
    </>
  );
}
