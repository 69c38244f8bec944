import type { TFunction } from 'i18next';
import type { Rules } from '../../api/queues.ts';
import { writeLadder, writeSpan } from './span.ts';

export interface Described {
  name: keyof Rules;
  label: string;
  text: string;
}

/** A queue's rules, each in words. */
export function describe(rules: Rules, t: TFunction<'queues'>): Described[] {
  const texts: Record<keyof Rules, string> = {
    preset: rules.preset === null ? t('preset.own') : t(`preset.${rules.preset}`),
    ladderSeconds: writeLadder(rules.ladderSeconds),
    deadlineSeconds: writeSpan(rules.deadlineSeconds),
    jitter: `${Number((rules.jitter * 100).toFixed(6))} %`,
    timeoutMs: `${rules.timeoutMs / 1000} s`,
    success: describeSuccess(rules.success, t),
    supersede: rules.supersede ? t('yes') : t('no'),
    maxInFlightPerEndpoint: String(rules.maxInFlightPerEndpoint),
    ratePerSecondPerEndpoint:
      rules.ratePerSecondPerEndpoint === null
        ? t('unlimited')
        : t('perSecond', { rate: rules.ratePerSecondPerEndpoint }),
    concurrency: String(rules.concurrency),
  };
  return FIELDS.map((name) => ({ name, label: t(`field.${name}`), text: texts[name] }));
}

/** In the order in which they are shown. */
const FIELDS = [
  'preset',
  'ladderSeconds',
  'deadlineSeconds',
  'jitter',
  'timeoutMs',
  'success',
  'supersede',
  'maxInFlightPerEndpoint',
  'ratePerSecondPerEndpoint',
  'concurrency',
] as const satisfies readonly (keyof Rules)[];

export function describeSuccess({ body }: Rules['success'], t: TFunction<'queues'>): string {
  if (body === 'any') return t('success.any');
  if ('equals' in body) return t('success.isText', { text: body.equals });
  const { path, equals } = body.json;
  return t('success.isJson', { path, value: JSON.stringify(equals) });
}

export interface Change {
  name: keyof Rules;
  label: string;
  before: string;
  after: string;
}

/** What is not the same any more, in words. */
export function changesBetween(before: Rules, after: Rules, t: TFunction<'queues'>): Change[] {
  const now = describe(after, t);
  return describe(before, t).flatMap(({ name, label, text }, index) => {
    const next = now[index]?.text ?? '';
    return next === text ? [] : [{ name, label, before: text, after: next }];
  });
}
