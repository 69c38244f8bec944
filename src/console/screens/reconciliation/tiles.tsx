import { UnstyledButton } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import {
  DIFFERENCE_KINDS,
  type DifferenceKind,
  type ReconciliationView,
} from '../../api/recovery.ts';
import { count } from '../../kit/number.ts';
import classes from './reconciliation.module.css';

/** What came out, in figures; those of a kind are buttons that show that kind alone. */
export function Tiles(props: {
  reconciliation: ReconciliationView;
  kind: DifferenceKind | null;
  choose(kind: DifferenceKind | null): void;
}) {
  const { t, i18n } = useTranslation('reconciliation');
  const { matched, differences } = props.reconciliation;
  const tone = (kind: DifferenceKind) => (kind === 'pending_cutoff' ? 'wait' : 'bad');
  return (
    <div className={classes.tiles}>
      <div className={classes.tile} data-tone="good">
        <div className={classes.name}>{t('matched')}</div>
        <div className={classes.value}>{count(matched, i18n.language)}</div>
      </div>
      {DIFFERENCE_KINDS.map((kind) => {
        const found = differences[kind] ?? 0;
        const isChosen = props.kind === kind;
        return (
          <UnstyledButton
            key={kind}
            className={classes.tile}
            data-tone={found > 0 ? tone(kind) : undefined}
            aria-pressed={isChosen}
            disabled={found === 0 && !isChosen}
            onClick={() => props.choose(isChosen ? null : kind)}
          >
            <div className={classes.name}>{t(`kind.${kind}`)}</div>
            <div className={classes.value}>{count(found, i18n.language)}</div>
          </UnstyledButton>
        );
      })}
    </div>
  );
}
