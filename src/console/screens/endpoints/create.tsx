import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useCreateEndpoint } from '../../api/endpoints.ts';
import { Dialog } from '../../kit/dialog.tsx';
import { SecretOnce } from '../../kit/secret-once.tsx';
import { NEW } from './fields.ts';
import { EndpointForm } from './form.tsx';

/** Registers an address, shows its secret once, and goes to it. */
export function CreateEndpoint(props: { merchantId: string; isOpen: boolean; close(): void }) {
  const { t } = useTranslation('endpoints');
  const create = useCreateEndpoint(props.merchantId);
  const navigate = useNavigate();
  const [made, setMade] = useState<{ id: string; secret: string } | null>(null);
  return (
    <>
      <Dialog opened={props.isOpen} onClose={props.close} title={t('create.title')} size="lg">
        <EndpointForm
          start={NEW}
          submitLabel={t('create.submit')}
          isBusy={create.isPending}
          error={create.error}
          close={props.close}
          submit={(fields) =>
            create.mutate(fields, {
              onSuccess({ id, secret }) {
                setMade({ id, secret });
                props.close();
              },
            })
          }
        />
      </Dialog>
      <SecretOnce
        title={t('create.made')}
        secrets={made && [{ name: 'secret', text: made.secret }]}
        close={() => {
          setMade(null);
          if (made !== null) void navigate(`/endpoints/${made.id}`);
        }}
      />
    </>
  );
}
