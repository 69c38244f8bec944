import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import {
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconTrash,
} from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import {
  type Endpoint,
  useDeleteEndpoint,
  usePatchEndpoint,
  usePauseEndpoint,
  useRotateEndpoint,
} from '../../api/endpoints.ts';
import { useSession } from '../../api/session.ts';
import { Confirm } from '../../kit/confirm.tsx';
import { Dialog } from '../../kit/dialog.tsx';
import { RotateSecret } from '../../kit/rotate-secret.tsx';
import { useToast } from '../../kit/toast.ts';
import { patchOf, writtenOf } from './fields.ts';
import { EndpointForm } from './form.tsx';

export function Actions({ endpoint }: { endpoint: Endpoint }) {
  const { t } = useTranslation('endpoints');
  const { t: secret } = useTranslation('secret');
  const [isEditing, edit] = useDisclosure(false);
  const [isRotating, rotation] = useDisclosure(false);
  const [isDeleting, deletion] = useDisclosure(false);
  const rotate = useRotateEndpoint(endpoint);
  const button = { size: 'xs', variant: 'default' } as const;
  return (
    <>
      <PauseOrResume endpoint={endpoint} />
      <Button {...button} leftSection={<IconPencil size={14} aria-hidden />} onClick={edit.open}>
        {t('edit.open')}
      </Button>
      <Button
        {...button}
        leftSection={<IconRefresh size={14} aria-hidden />}
        onClick={rotation.open}
      >
        {secret('rotate.open')}
      </Button>
      <Button {...button} leftSection={<IconTrash size={14} aria-hidden />} onClick={deletion.open}>
        {t('delete.open')}
      </Button>
      <Edit endpoint={endpoint} isOpen={isEditing} close={edit.close} />
      <RotateSecret isOpen={isRotating} close={rotation.close} act={rotate.mutateAsync} />
      <Delete endpoint={endpoint} isOpen={isDeleting} close={deletion.close} />
    </>
  );
}

function PauseOrResume({ endpoint }: { endpoint: Endpoint }) {
  const { t } = useTranslation('endpoints');
  const act = usePauseEndpoint(endpoint);
  const toast = useToast();
  const isHeld = endpoint.status !== 'active' || endpoint.circuit.state === 'open';
  const action = isHeld ? 'resume' : 'pause';
  const Icon = isHeld ? IconPlayerPlay : IconPlayerPause;
  return (
    <Button
      size="xs"
      variant={isHeld ? 'filled' : 'default'}
      leftSection={<Icon size={14} aria-hidden />}
      loading={act.isPending}
      onClick={() =>
        act.mutate(action, {
          onSuccess: () => toast(t(`${action}.done`)),
          onError: () => toast(t('failed')),
        })
      }
    >
      {t(`${action}.open`)}
    </Button>
  );
}

interface Opened {
  endpoint: Endpoint;
  isOpen: boolean;
  close(): void;
}

function Edit({ endpoint, isOpen, close }: Opened) {
  const { t } = useTranslation('endpoints');
  const patch = usePatchEndpoint(endpoint);
  const toast = useToast();
  return (
    <Dialog opened={isOpen} onClose={close} title={t('edit.title')} size="lg">
      <EndpointForm
        start={writtenOf(endpoint)}
        submitLabel={t('edit.submit')}
        isBusy={patch.isPending}
        error={patch.error}
        close={close}
        submit={(fields) =>
          patch.mutate(patchOf(endpoint, fields), {
            onSuccess() {
              toast(t('edit.done'));
              close();
            },
          })
        }
      />
    </Dialog>
  );
}

function Delete({ endpoint, isOpen, close }: Opened) {
  const { t } = useTranslation('endpoints');
  const { data: session } = useSession();
  const remove = useDeleteEndpoint(endpoint);
  const navigate = useNavigate();
  const of = session?.role === 'operator' ? `?merchant=${endpoint.merchantId}` : '';
  return (
    <Confirm
      tone="bad"
      title={t('delete.title')}
      text={t('delete.text', { url: endpoint.url })}
      submit={t('delete.submit')}
      isOpen={isOpen}
      close={close}
      act={async () => {
        await remove.mutateAsync();
        await navigate(`/endpoints${of}`);
      }}
    />
  );
}
