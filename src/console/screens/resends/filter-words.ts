import type { TFunction } from 'i18next';

const ORDER = [
  'status',
  'merchantId',
  'endpointId',
  'queue',
  'type',
  'businessKeys',
  'from',
  'to',
] as const;
/** More than these are told by their number. */
const MOST_NAMED = 3;

/** A job's filter, as people say it: one phrase for each thing it asks for. */
export function filterWords(
  filter: Record<string, unknown>,
  t: TFunction<'resends'>,
  kit: TFunction<'kit'>,
): { name: (typeof ORDER)[number]; text: string }[] {
  return ORDER.flatMap((name) => {
    const value = filter[name];
    if (value === undefined || value === null) return [];
    if (typeof value === 'string') return [{ name, text: value }];
    const values = (Array.isArray(value) ? value : [value]).map(String);
    if (name === 'status') {
      return [{ name, text: values.map((each) => kit(`status.${each as 'failed'}`)).join(', ') }];
    }
    const named = values.slice(0, MOST_NAMED).join(', ');
    const more = values.length - MOST_NAMED;
    return [{ name, text: more > 0 ? `${named} ${t('andMore', { count: more })}` : named }];
  });
}
