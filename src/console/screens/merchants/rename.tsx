import { Button, Group, Stack, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Merchant, useRenameMerchant } from '../../api/merchants.ts';
import { Dialog } from '../../kit/dialog.tsx';
import { Failure } from '../../kit/failure.tsx';

export function RenameMerchant(props: { merchant: Merchant; isOpen: boolean; close(): void }) {
  const { t } = useTranslation('merchants');
  const { t: kit } = useTranslation('kit');
  const { id, name: before } = props.merchant;
  const [name, setName] = useState(before);
  const rename = useRenameMerchant();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    rename.mutate({ id, name: name.trim() }, { onSuccess: props.close });
  };
  return (
    <Dialog opened={props.isOpen} onClose={props.close} title={t('rename.title', { id })}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={t('columns.name')}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={128}
            required
            data-autofocus
          />
          {rename.error !== null && <Failure error={rename.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={props.close}>
              {kit('cancel')}
            </Button>
            <Button
              type="submit"
              loading={rename.isPending}
              disabled={name.trim() === '' || name.trim() === before}
            >
              {t('rename.submit')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
