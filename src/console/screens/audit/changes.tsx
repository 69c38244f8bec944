import { Anchor, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { changesOf } from './diff.ts';
import classes from './entry.module.css';

type State = Record<string, unknown> | null;

/** What became of each value; what stayed is folded away. @param props.isWhole nothing is folded */
export function Changes(props: { before: State; after: State; isWhole?: true }) {
  const { t } = useTranslation('audit');
  const [isWhole, showWhole] = useState(props.isWhole ?? false);
  const changes = changesOf(props.before, props.after);
  const same = changes.filter(({ isSame }) => isSame);
  const shown = isWhole ? changes : changes.filter(({ isSame }) => !isSame);
  return (
    <>
      {shown.length > 0 && (
        <table className={classes.changes}>
          <tbody>
            {shown.map(({ path, before, after, isSame }) => (
              <tr key={path}>
                <th scope="row">{path}</th>
                <td>
                  {isSame ? (
                    <span className={classes.same}>{after}</span>
                  ) : (
                    <>
                      {before !== undefined && <del className={classes.was}>{before}</del>}
                      {after !== undefined && <ins className={classes.is}>{after}</ins>}
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {shown.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('nothingChanged')}
        </Text>
      )}
      {!isWhole && same.length > 0 && (
        <Anchor component="button" type="button" size="xs" onClick={() => showWhole(true)}>
          {t('unchanged', { count: same.length })}
        </Anchor>
      )}
    </>
  );
}
