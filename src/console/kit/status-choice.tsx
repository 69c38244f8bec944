import { Chip, Group } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { DELIVERY_STATUSES } from '../api/notifications.ts';
import classes from './status.module.css';

/** Which states are looked for; none of them means all. */
export function StatusChoice(props: {
  label: string;
  chosen: readonly string[];
  choose(statuses: string[]): void;
}) {
  const { t } = useTranslation('kit');
  return (
    <Chip.Group multiple value={[...props.chosen]} onChange={props.choose}>
      <Group gap={6} role="group" aria-label={props.label}>
        {DELIVERY_STATUSES.map((status) => (
          <Chip
            key={status}
            value={status}
            size="xs"
            variant="outline"
            classNames={{ label: classes.chip }}
          >
            {t(`status.${status}`)}
          </Chip>
        ))}
      </Group>
    </Chip.Group>
  );
}
