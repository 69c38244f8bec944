import { Button, Group, Textarea } from '@mantine/core';
import { IconBuildingStore, IconReceipt, IconSearch } from '@tabler/icons-react';
import { type FormEvent, type KeyboardEvent, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Empty } from '../../kit/empty.tsx';
import { MerchantChoice, useMerchant } from '../../kit/merchant-choice.tsx';
import { Page } from '../../kit/page.tsx';
import { MOST_KEYS, splitLines, useKeys } from './keys.ts';
import { Many } from './many.tsx';
import { One } from './one.tsx';

/** What became of an order: the latest state, whatever came late or twice. */
export function Results() {
  const { t } = useTranslation('results');
  const { t: kit } = useTranslation('kit');
  const { merchantId } = useMerchant();
  const { keys, look } = useKeys();
  const [only] = keys;
  return (
    <Page title={t('title')}>
      <LookUp keys={keys} look={look} />
      {merchantId === '' ? (
        <Empty
          icon={IconBuildingStore}
          title={kit('chooseMerchant')}
          text={kit('chooseMerchantText')}
        />
      ) : only === undefined ? (
        <Empty icon={IconReceipt} title={t('empty.title')} text={t('empty.text')} />
      ) : keys.length === 1 ? (
        <One merchantId={merchantId} businessKey={only} />
      ) : (
        <Many merchantId={merchantId} keys={keys} />
      )}
    </Page>
  );
}

function LookUp({ keys, look }: { keys: string[]; look(keys: string[]): void }) {
  const { t } = useTranslation('results');
  const known = keys.join('\n');
  const [text, setText] = useState(known);
  useEffect(() => setText(known), [known]);
  const written = splitLines(text);
  const isTooMany = written.length > MOST_KEYS;
  const submit = (event: FormEvent | KeyboardEvent) => {
    event.preventDefault();
    if (!isTooMany) look(written);
  };
  return (
    <form onSubmit={submit}>
      <Group gap="sm" align="flex-end">
        <MerchantChoice />
        <Textarea
          label={t('keys')}
          placeholder={t('keysHint', { most: MOST_KEYS })}
          error={isTooMany && t('tooMany', { count: written.length, most: MOST_KEYS })}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
              submit(event);
            }
          }}
          autosize
          minRows={1}
          maxRows={8}
          spellCheck={false}
          flex="1 1 260px"
        />
        <Button
          type="submit"
          leftSection={<IconSearch size={16} aria-hidden />}
          disabled={written.length === 0 || isTooMany}
        >
          {written.length > 1 ? t('lookMany', { count: written.length }) : t('look')}
        </Button>
      </Group>
    </form>
  );
}
