import { Anchor, Button, FileButton, Group, Stack, Text, Textarea } from '@mantine/core';
import { IconClipboardText, IconFileSpreadsheet, IconUpload } from '@tabler/icons-react';
import { type DragEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import classes from './drop-zone.module.css';
import {
  COLUMNS,
  type ListFile,
  MOST_MIB,
  MOST_RECORDS,
  pastedList,
  readListFile,
} from './list-file.ts';
import { saveText } from './save-text.ts';

const SAMPLE = [
  COLUMNS,
  'ORDER-20261122-0001,SUCCESS,100.00,CNY',
  'ORDER-20261122-0002,REFUNDED,35.50,CNY',
  'SIGNUP-20261122-0003,ACTIVE,,',
  '',
].join('\r\n');

/** Takes a list: dropped, chosen, or pasted. @param props.refuse is told why one is none */
export function DropZone(props: { take(list: ListFile): void; refuse(error: unknown): void }) {
  const { t } = useTranslation('reconciliations');
  const [isOver, setOver] = useState(false);
  const [isPasting, setPasting] = useState(false);
  const read = (file: File | undefined | null) => {
    if (file != null) readListFile(file).then(props.take, props.refuse);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    read(event.dataTransfer.files[0]);
  };
  if (isPasting) {
    return (
      <Paste
        back={() => setPasting(false)}
        take={(text) => {
          try {
            props.take(pastedList(text));
          } catch (error) {
            props.refuse(error);
          }
        }}
      />
    );
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping has buttons as its other way in
    <div
      className={classes.zone}
      data-is-over={isOver || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <Stack align="center" gap="xs">
        <IconFileSpreadsheet
          size={34}
          stroke={1.3}
          color="var(--mantine-color-dimmed)"
          aria-hidden
        />
        <Text fw={600}>{t('drop.title')}</Text>
        <Group gap="xs" justify="center">
          <FileButton onChange={read} accept="text/csv,.csv,.txt">
            {(button) => (
              <Button {...button} leftSection={<IconUpload size={16} aria-hidden />}>
                {t('drop.choose')}
              </Button>
            )}
          </FileButton>
          <Button
            variant="default"
            leftSection={<IconClipboardText size={16} aria-hidden />}
            onClick={() => setPasting(true)}
          >
            {t('drop.paste')}
          </Button>
        </Group>
        <Text size="sm" c="dimmed" maw={520}>
          {t('drop.hint', { columns: COLUMNS, mib: MOST_MIB, records: MOST_RECORDS })}{' '}
          <Anchor
            component="button"
            type="button"
            size="sm"
            onClick={() => saveText('reconciliation-sample.csv', 'text/csv', SAMPLE)}
          >
            {t('drop.sample')}
          </Anchor>
        </Text>
      </Stack>
    </div>
  );
}

function Paste(props: { take(text: string): void; back(): void }) {
  const { t } = useTranslation('reconciliations');
  const { t: kit } = useTranslation('kit');
  const [text, setText] = useState('');
  return (
    <Stack gap="xs">
      <Textarea
        label={t('paste.label')}
        description={t('paste.hint')}
        placeholder={SAMPLE}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        rows={8}
        spellCheck={false}
        data-autofocus
        autoFocus
        ff="monospace"
      />
      <Group gap="xs">
        <Button disabled={text.trim() === ''} onClick={() => props.take(text)}>
          {t('paste.take')}
        </Button>
        <Button variant="default" onClick={props.back}>
          {kit('cancel')}
        </Button>
      </Group>
    </Stack>
  );
}
