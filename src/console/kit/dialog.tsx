import { Modal, type ModalProps } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** Mantine's `Modal`, whose cross says what it does. */
export function Dialog(props: ModalProps) {
  const { t } = useTranslation('kit');
  return <Modal {...props} closeButtonProps={{ 'aria-label': t('close') }} />;
}
