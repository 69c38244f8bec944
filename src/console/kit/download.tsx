import { Button, Menu } from '@mantine/core';
import { IconChevronDown, IconDownload } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { FileFormat } from '../api/client.ts';

const FORMATS: readonly FileFormat[] = ['csv', 'ndjson', 'json'];

/** Links, so that the browser writes to disk what may be larger than its memory. */
export function Download(props: {
  label?: string;
  variant?: 'filled' | 'default';
  hrefOf(format: FileFormat): string;
}) {
  const { t } = useTranslation('kit');
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          size="xs"
          variant={props.variant ?? 'filled'}
          leftSection={<IconDownload size={15} aria-hidden />}
          rightSection={<IconChevronDown size={14} aria-hidden />}
        >
          {props.label ?? t('download')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {FORMATS.map((format) => (
          <Menu.Item key={format} component="a" href={props.hrefOf(format)} download>
            {t(`format.${format}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
