import {
  ActionIcon,
  AppShell,
  Burger,
  Group,
  Image,
  Menu,
  NavLink,
  Text,
  Tooltip,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconKeyboard, IconLogout, IconUser } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, ScrollRestoration, useLocation } from 'react-router';
import { useLogout, useSession } from '../api/session.ts';
import { useTrail } from '../kit/back.tsx';
import { Help } from './help.tsx';
import { LanguageButton, SchemeButton } from './preferences.tsx';
import { screensFor } from './screens.ts';
import { useShortcuts } from './shortcuts.ts';

/** What stands around every screen. */
export function Layout() {
  const { t } = useTranslation('shell');
  const [isMenuOpen, menu] = useDisclosure(false);
  const [isHelpOpen, help] = useDisclosure(false);
  useShortcuts(help.toggle);
  useTrail();
  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{ width: 200, breakpoint: 'sm', collapsed: { mobile: !isMenuOpen } }}
      padding={{ base: 'sm', sm: 'lg' }}
    >
      <a className="skip-link" href="#main">
        {t('skip')}
      </a>
      <AppShell.Header>
        <Group h="100%" px="sm" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <Burger
              opened={isMenuOpen}
              onClick={menu.toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={t('menu.open')}
            />
            <Image src="/console/icon.svg" alt="" w={24} h={24} />
            <Text fw={650}>{t('brand')}</Text>
          </Group>
          <Group gap={4} wrap="nowrap">
            <LanguageButton />
            <SchemeButton />
            <Tooltip label={`${t('help.open')} (?)`}>
              <ActionIcon
                variant="subtle"
                color="gray"
                c="var(--mantine-color-text)"
                aria-label={t('help.open')}
                onClick={help.open}
                visibleFrom="sm"
              >
                <IconKeyboard size={18} />
              </ActionIcon>
            </Tooltip>
            <Account />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={t('menu.label')}>
        <Navigation onChosen={menu.close} />
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1}>
        <Outlet />
        <ScrollRestoration />
      </AppShell.Main>
      <Help isOpen={isHelpOpen} close={help.close} />
    </AppShell>
  );
}

function Navigation({ onChosen }: { onChosen(): void }) {
  const { t } = useTranslation('shell');
  const { data: session } = useSession();
  const { pathname } = useLocation();
  if (!session) return null;
  return screensFor(session.role).map(({ path, menu }) => {
    if (menu === undefined) return null;
    const isHere = path === '/' ? pathname === '/' : pathname.startsWith(path);
    return (
      <NavLink
        key={path}
        component={Link}
        to={path}
        label={t(`menu.${menu.name}`)}
        leftSection={<menu.icon size={18} stroke={1.6} />}
        active={isHere}
        aria-current={isHere ? 'page' : undefined}
        onClick={onChosen}
        className="menu-entry"
      />
    );
  });
}

function Account() {
  const { t, i18n } = useTranslation('shell');
  const { data: session } = useSession();
  const logout = useLogout();
  if (!session) return null;
  const ends = new Intl.DateTimeFormat(i18n.language, { timeStyle: 'short' });
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          c="var(--mantine-color-text)"
          aria-label={t('account.label')}
        >
          <IconUser size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown maw={280}>
        <Menu.Label>
          <Text size="sm" fw={600} c="var(--mantine-color-text)" truncate>
            {session.name}
          </Text>
          <Text size="xs">
            {t(`account.${session.role}`)} {session.merchantId}
          </Text>
          <Text size="xs">
            {t('account.until', { time: ends.format(new Date(session.endsAt)) })}
          </Text>
        </Menu.Label>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => logout.mutate()}>
          {t('account.logout')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
