import { useTranslation } from 'react-i18next';
import { DELIVERY_STATUSES } from '../api/notifications.ts';
import { ChipChoice } from './chip-choice.tsx';

/** Which states of a delivery are looked for. */
export function StatusChoice(props: {
  label: string;
  chosen: readonly string[];
  choose(statuses: string[]): void;
}) {
  const { t } = useTranslation('kit');
  return (
    <ChipChoice
      {...props}
      options={DELIVERY_STATUSES.map((value) => ({ value, label: t(`status.${value}`) }))}
    />
  );
}
