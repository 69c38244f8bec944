import { NumberInput, Paper, SimpleGrid, Stack, Textarea, TextInput, Title } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { PRESETS, type Preset } from '../../api/queues.ts';
import { Choice } from './choice.tsx';
import { type Draft, type Fault, ladderFrom } from './draft.ts';
import { parseSpan } from './span.ts';

/** What the curve follows from: a preset or a list of one's own, the deadline, the jitter. */
export function Shape(props: {
  draft: Draft;
  faults: ReadonlySet<Fault>;
  write(patch: Partial<Draft>): void;
  takePreset(preset: Preset): void;
}) {
  const { t } = useTranslation('queues');
  const { draft, faults, write } = props;
  return (
    <Paper withBorder p="sm">
      <Stack gap="xs">
        <Title order={2} size="sm">
          {t('shape.title')}
        </Title>
        <Choice
          label={t('field.preset')}
          value={draft.preset}
          choices={PRESETS.map((value) => ({ value, label: t(`preset.${value}`) }))}
          choose={props.takePreset}
        />
        <LadderText draft={draft} isWrong={faults.has('ladder')} write={write} />
        <SimpleGrid cols={2} spacing="xs">
          <TextInput
            size="xs"
            label={t('field.deadlineSeconds')}
            description={t('form.deadlineHint')}
            value={draft.deadline}
            error={faults.has('deadline') && t('form.deadlineWrong')}
            onChange={(event) => write({ deadline: event.currentTarget.value })}
            spellCheck={false}
          />
          <NumberInput
            size="xs"
            label={t('field.jitter')}
            description={t('form.jitterHint')}
            value={draft.jitterPercent}
            error={faults.has('jitterPercent') && t('form.jitterWrong')}
            onChange={(value) => write({ jitterPercent: value })}
            min={0}
            max={100}
            suffix=" %"
          />
        </SimpleGrid>
      </Stack>
    </Paper>
  );
}

/** The whole ladder as one text, to be written over or pasted. */
function LadderText(props: { draft: Draft; isWrong: boolean; write(patch: Partial<Draft>): void }) {
  const { t } = useTranslation('queues');
  const { ladder } = props.draft;
  // While one writes, the text is one's own: what is read back has other blanks.
  const [written, setWritten] = useState<string | null>(null);
  const wrong = ladder.map(({ text }) => text).filter((text) => parseSpan(text) === null);
  const fault = wrong.length > 0 ? t('shape.wrong', { words: wrong.join(' ') }) : t('shape.count');
  return (
    <Textarea
      size="xs"
      label={t('shape.text')}
      description={t('shape.textHint')}
      value={written ?? ladder.map(({ text }) => text).join(' ')}
      error={props.isWrong && fault}
      onChange={({ currentTarget: { value } }) => {
        setWritten(value);
        props.write({ ladder: ladderFrom(value, ladder) });
      }}
      onBlur={() => setWritten(null)}
      autosize
      minRows={2}
      maxLength={1000}
      spellCheck={false}
      styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
    />
  );
}
