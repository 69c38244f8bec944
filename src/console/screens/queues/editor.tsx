import { Paper, Stack } from '@mantine/core';
import { type ReactNode, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Preset, type Rules, rulesOfPreset } from '../../api/queues.ts';
import { useToast } from '../../kit/toast.ts';
import { type Draft, draftOf, leavesPreset, rulesOf } from './draft.ts';
import classes from './editor.module.css';
import { RulesForm } from './rules-form.tsx';
import { useSchedule } from './schedule.tsx';
import { Shape } from './shape.tsx';

/** What is being written, and the rules it stands for. */
export interface Editing {
  draft: Draft;
  parsed: ReturnType<typeof rulesOf>;
  write(patch: Partial<Draft>): void;
  /** Begins anew from these. */
  load(rules: Rules): void;
}

export function useEditing(start: Rules): Editing {
  const [draft, setDraft] = useState(() => draftOf(start));
  const parsed = useMemo(() => rulesOf(draft), [draft]);
  return {
    draft,
    parsed,
    write: (patch) =>
      setDraft((before) => ({
        ...before,
        ...(leavesPreset(patch) && { preset: null }),
        ...patch,
      })),
    load: (rules) => setDraft(draftOf(rules)),
  };
}

/**
 * The rules of a queue, to be written over, with what would come of them at once.
 *
 * @param props.name of a queue that is there, so that the gateway can be asked
 */
export function Editor(props: { name: string; editing: Editing; children?: ReactNode }) {
  const { t } = useTranslation('queues');
  const toast = useToast();
  const { draft, parsed, write } = props.editing;
  const schedule = useSchedule({
    name: props.name,
    rules: parsed.rules,
    rungs: draft.ladder,
    change: (ladder) => write({ ladder }),
  });
  const takePreset = async (preset: Preset) => {
    try {
      const { ladder, success } = draftOf(await rulesOfPreset(props.name, preset));
      write({ ladder, success, preset });
    } catch {
      toast(t('preset.failed'));
    }
  };
  return (
    <div className={classes.columns}>
      <div className={classes.curve}>{schedule.curve}</div>
      <Stack gap="md" className={classes.side}>
        <Shape draft={draft} faults={parsed.faults} write={write} takePreset={takePreset} />
        <RulesForm draft={draft} faults={parsed.faults} write={write} />
      </Stack>
      <Stack gap="md" className={classes.list}>
        {schedule.list}
        {props.children}
      </Stack>
    </div>
  );
}

/** The same, for whoever may only read it. */
export function Reading(props: { name: string; rules: Rules; facts: ReactNode }) {
  const rungs = useMemo(() => draftOf(props.rules).ladder, [props.rules]);
  const schedule = useSchedule({ name: props.name, rules: props.rules, rungs });
  return (
    <div className={classes.columns}>
      <div className={classes.curve}>{schedule.curve}</div>
      <Paper withBorder p="sm" className={classes.side}>
        {props.facts}
      </Paper>
      <div className={classes.list}>{schedule.list}</div>
    </div>
  );
}
