import { Tooltip, UnstyledButton } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import classes from './copy-id.module.css';

/**
 * An id, an order number, an address: shown, and copied by a click.
 *
 * @param props.shown in place of the text; '' leaves the sign alone
 */
export function CopyId({ text, shown }: { text: string; shown?: string }) {
  const { t } = useTranslation('kit');
  const clipboard = useClipboard({ timeout: 1500 });
  return (
    <Tooltip label={clipboard.copied ? t('copied') : text}>
      <UnstyledButton
        className={classes.id}
        data-is-bare={shown === '' || undefined}
        aria-label={t('copy', { text })}
        onClick={(event) => {
          event.stopPropagation();
          clipboard.copy(text);
        }}
      >
        {shown !== '' && <span className={classes.text}>{shown ?? text}</span>}
        {clipboard.copied ? (
          <IconCheck size={13} className={classes.icon} data-copied aria-hidden />
        ) : (
          <IconCopy size={13} className={classes.icon} aria-hidden />
        )}
      </UnstyledButton>
    </Tooltip>
  );
}

/** `ntf_01m81swkggesnbwkwy47zvky40` → `ntf_…zvky40`: what tells two of them apart is at the end. */
export function shortId(id: string): string {
  const [prefix, rest] = id.split('_');
  return rest === undefined || rest.length < 12 ? id : `${prefix}_…${rest.slice(-6)}`;
}
