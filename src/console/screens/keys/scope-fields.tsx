import { Checkbox, NativeSelect, Stack, TagsInput, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { CallName } from '../../api/keys.ts';
import classes from './scope-fields.module.css';
import type { Written } from './written.ts';

type Group = CallName extends `${infer Name}:${string}` ? Name : never;

/** Every group of the API, each once: one that is missing or too many is an error here. */
const GROUPS: Record<Group, true> = {
  notifications: true,
  deliveries: true,
  messages: true,
  transactions: true,
  recovery: true,
  merchants: true,
  endpoints: true,
  keys: true,
  queues: true,
  operations: true,
};
const KINDS = ['read', 'write'] as const;
/** As many as the API takes. */
const MOST_MERCHANTS = 200;
const MOST_NETWORKS = 32;

/** What narrows a key: what it may call, for whom, and from where. */
export function ScopeFields(props: {
  written: Written;
  merchantIds: string[];
  write(patch: Partial<Written>): void;
}) {
  const { t } = useTranslation('keys');
  const { written, write } = props;
  const { role, calls, merchants, networks } = written;
  return (
    <Stack>
      <NativeSelect
        label={t('columns.scope')}
        value={calls === null ? 'all' : 'some'}
        data={[
          { value: 'all', label: t('scope.all') },
          { value: 'some', label: t('scope.some') },
        ]}
        onChange={({ currentTarget: { value } }) => write({ calls: value === 'all' ? null : [] })}
      />
      {calls !== null && (
        <CallChoice chosen={calls} choose={(chosen) => write({ calls: chosen })} />
      )}
      {role === 'producer' && (
        <TagsInput
          label={t('create.merchants')}
          description={t('create.merchantsHint')}
          data={props.merchantIds}
          value={merchants}
          onChange={(ids) => write({ merchants: apart(ids) })}
          splitChars={[',', ' ']}
          maxTags={MOST_MERCHANTS}
          spellCheck={false}
        />
      )}
      <TagsInput
        label={t('create.networks')}
        description={t('create.networksHint')}
        placeholder={networks.length === 0 ? '192.0.2.0/24' : ''}
        value={networks}
        onChange={(list) => write({ networks: apart(list) })}
        splitChars={[',', ' ']}
        maxTags={MOST_NETWORKS}
        spellCheck={false}
      />
    </Stack>
  );
}

/** What was pasted as one may be several. */
function apart(entries: string[]): string[] {
  return [...new Set(entries.flatMap((entry) => entry.split(/[\s,]+/)))].filter(
    (entry) => entry !== '',
  );
}

/** A box for each call, named as the API names it. */
function CallChoice(props: { chosen: CallName[]; choose(calls: CallName[]): void }) {
  const { t } = useTranslation('keys');
  const { chosen, choose } = props;
  return (
    <fieldset className={classes.choice} aria-label={t('scope.some')}>
      <ul className={classes.calls}>
        {(Object.keys(GROUPS) as Group[]).map((group) => (
          <li key={group} className={classes.group}>
            <Text size="sm">{group}</Text>
            {KINDS.map((kind) => {
              const call: CallName = `${group}:${kind}`;
              return (
                <Checkbox
                  key={kind}
                  size="xs"
                  label={t(`scope.${kind}`)}
                  aria-label={call}
                  checked={chosen.includes(call)}
                  onChange={(event) =>
                    choose(
                      event.currentTarget.checked
                        ? [...chosen, call]
                        : chosen.filter((each) => each !== call),
                    )
                  }
                />
              );
            })}
          </li>
        ))}
      </ul>
      {chosen.length === 0 && (
        <Text size="sm" c="dimmed" mt={6}>
          {t('scope.chooseOne')}
        </Text>
      )}
    </fieldset>
  );
}
