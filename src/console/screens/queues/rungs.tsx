import { ActionIcon, Button, Text, TextInput, Tooltip } from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { type ClipboardEvent, type KeyboardEvent, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { Preview } from '../../api/queues.ts';
import { MAX_RUNGS, type Rung, toRungs } from './draft.ts';
import classes from './rungs.module.css';
import { parseSpan, splitLadder, writeSpan } from './span.ts';
import { When } from './when.tsx';

/**
 * The ladder, a rung a line, with the moment of its attempt: each can be written over, Enter adds one
 * below, Backspace in an empty one takes it away, and a whole list may be pasted into any.
 *
 * @param props.change absent: it is only to be read
 */
export function Rungs(props: {
  rungs: readonly Rung[];
  preview: Preview | undefined;
  active: number | null;
  point(attempt: number | null): void;
  change?: ((rungs: Rung[]) => void) | undefined;
}) {
  const { t } = useTranslation('queues');
  const list = useRef<HTMLOListElement>(null);
  const { rungs, preview, change } = props;
  const focus = (index: number) =>
    // Once React has put the new line there.
    requestAnimationFrame(() => list.current?.querySelectorAll('input')[index]?.focus());
  const put = (index: number, removed: number, texts: readonly string[]) => {
    const next = [...rungs];
    next.splice(index, removed, ...toRungs(texts));
    change?.(next.slice(0, MAX_RUNGS));
  };
  const add = (index: number) => {
    if (rungs.length >= MAX_RUNGS) return;
    put(index, 0, [rungs[index - 1]?.text ?? '15s']);
    focus(index);
  };
  const remove = (index: number) => {
    put(index, 1, []);
    focus(Math.max(0, index - 1));
  };
  const onKey = (event: KeyboardEvent<HTMLInputElement>, index: number) => {
    const isEmpty = event.currentTarget.value === '';
    const act = {
      Enter: () => add(index + 1),
      ArrowDown: () => focus(index + 1),
      ArrowUp: () => focus(index - 1),
      Backspace: isEmpty && rungs.length > 1 ? () => remove(index) : undefined,
    }[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  const onPaste = (event: ClipboardEvent, index: number) => {
    const words = splitLadder(event.clipboardData.getData('text'));
    if (words.length < 2) return;
    event.preventDefault();
    put(index, 1, words);
  };
  return (
    <>
      <ol ref={list} className={classes.rungs} onPointerLeave={() => props.point(null)}>
        {rungs.map(({ id, text }, index) => {
          const attempt = index + 1;
          const seconds = parseSpan(text);
          return (
            <li
              key={id}
              className={classes.rung}
              data-active={props.active === attempt || undefined}
              onPointerEnter={() => props.point(attempt)}
            >
              <span className={classes.number}>{attempt}</span>
              {change === undefined ? (
                <span className={classes.wait}>{text}</span>
              ) : (
                <TextInput
                  size="xs"
                  className={classes.wait}
                  aria-label={t('rung.wait', { attempt })}
                  value={text}
                  error={seconds === null}
                  onChange={({ currentTarget: { value } }) =>
                    change(rungs.map((rung) => (rung.id === id ? { id, text: value } : rung)))
                  }
                  onBlur={() => {
                    const tidy = seconds === null ? text : writeSpan(seconds);
                    if (tidy === text) return;
                    change(rungs.map((rung) => (rung.id === id ? { id, text: tidy } : rung)));
                  }}
                  onFocus={() => props.point(attempt)}
                  onKeyDown={(event) => onKey(event, index)}
                  onPaste={(event) => onPaste(event, index)}
                  spellCheck={false}
                  autoComplete="off"
                />
              )}
              <When seconds={seconds} index={index} preview={preview} />
              {change !== undefined && (
                <Tooltip label={t('rung.remove', { attempt })}>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    c="var(--mantine-color-dimmed)"
                    size="sm"
                    aria-label={t('rung.remove', { attempt })}
                    disabled={rungs.length === 1}
                    onClick={() => put(index, 1, [])}
                  >
                    <IconX size={14} />
                  </ActionIcon>
                </Tooltip>
              )}
            </li>
          );
        })}
      </ol>
      {change !== undefined && (
        <div className={classes.foot}>
          <Button
            size="compact-sm"
            variant="light"
            leftSection={<IconPlus size={14} aria-hidden />}
            disabled={rungs.length >= MAX_RUNGS}
            onClick={() => add(rungs.length)}
          >
            {t('rung.add')}
          </Button>
          <Text size="xs" c="dimmed">
            {t('rung.hint')}
          </Text>
        </div>
      )}
    </>
  );
}
