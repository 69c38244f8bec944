import { notifications } from '@mantine/notifications';
import { useTranslation } from 'react-i18next';

/** Says in a corner, for a moment, that something was done. */
export function useToast(): (message: string) => void {
  const { t } = useTranslation('kit');
  return (message) =>
    notifications.show({ message, closeButtonProps: { 'aria-label': t('close') } });
}
