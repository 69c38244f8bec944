import { Button, Menu } from '@mantine/core';
import { IconChevronDown, IconDownload } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { fileOf, type WantedStatement } from '../../api/statement.ts';

const FORMATS = ['csv', 'ndjson', 'json'] as const;

/** Links, so that the browser writes to disk what may be larger than its memory. */
export function Download({ wanted }: { wanted: WantedStatement }) {
  const { t } = useTranslation('statements');
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          size="xs"
          leftSection={<IconDownload size={15} aria-hidden />}
          rightSection={<IconChevronDown size={14} aria-hidden />}
        >
          {t('download')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {FORMATS.map((format) => (
          <Menu.Item key={format} component="a" href={fileOf(wanted, format)} download>
            {t(`format.${format}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
