import type { Icon } from '@tabler/icons-react';
import {
  IconActivityHeartbeat,
  IconBell,
  IconHistory,
  IconKey,
  IconMessageCheck,
  IconReceipt,
  IconRefresh,
  IconReportMoney,
  IconScale,
  IconStack2,
  IconTerminal2,
  IconTransactionDollar,
  IconUsers,
  IconWebhook,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import type { Session } from '../api/session.ts';
import type { shellWords } from './words.ts';

export interface Screen {
  /** Below `/console`; `:name` is a parameter. */
  path: string;
  roles: readonly Session['role'][];
  /** Its place in the menu: the name in words.ts, the icon, and the letter that follows `g`. */
  menu?: {
    name: Exclude<keyof typeof shellWords.en.menu, 'label' | 'open'>;
    icon: Icon;
    key: string;
  };
  /** A piece of its own, loaded when it is opened. */
  load(): Promise<{ Component: ComponentType }>;
}

const EVERYBODY = ['operator', 'merchant'] as const;

/** In the order of the menu. */
const screens: readonly Screen[] = [
  {
    path: '/',
    roles: EVERYBODY,
    menu: { name: 'overview', icon: IconActivityHeartbeat, key: 'o' },
    load: async () => ({ Component: (await import('../screens/overview/overview.tsx')).Overview }),
  },
  {
    path: '/notifications',
    roles: EVERYBODY,
    menu: { name: 'notifications', icon: IconBell, key: 'n' },
    load: async () => ({
      Component: (await import('../screens/notifications/notifications.tsx')).Notifications,
    }),
  },
  {
    path: '/notifications/:id',
    roles: EVERYBODY,
    load: async () => ({ Component: (await import('../screens/detail/detail.tsx')).Detail }),
  },
  {
    path: '/messages',
    roles: EVERYBODY,
    menu: { name: 'messages', icon: IconMessageCheck, key: 'p' },
    load: async () => ({ Component: (await import('../screens/messages/messages.tsx')).Messages }),
  },
  {
    path: '/messages/:id',
    roles: EVERYBODY,
    load: async () => ({ Component: (await import('../screens/message/message.tsx')).Message }),
  },
  {
    path: '/transactions',
    roles: ['operator'],
    menu: { name: 'transactions', icon: IconTransactionDollar, key: 'x' },
    load: async () => ({
      Component: (await import('../screens/transactions/transactions.tsx')).Transactions,
    }),
  },
  {
    path: '/transactions/:gid',
    roles: ['operator'],
    load: async () => ({
      Component: (await import('../screens/transaction/transaction.tsx')).Transaction,
    }),
  },
  {
    path: '/tail',
    roles: EVERYBODY,
    menu: { name: 'tail', icon: IconTerminal2, key: 't' },
    load: async () => ({ Component: (await import('../screens/tail/tail.tsx')).Tail }),
  },
  {
    path: '/resends',
    roles: EVERYBODY,
    menu: { name: 'resends', icon: IconRefresh, key: 'b' },
    load: async () => ({ Component: (await import('../screens/resends/resends.tsx')).Resends }),
  },
  {
    path: '/resends/new',
    roles: EVERYBODY,
    load: async () => ({
      Component: (await import('../screens/resend-new/resend-new.tsx')).ResendNew,
    }),
  },
  {
    path: '/resends/:id',
    roles: EVERYBODY,
    load: async () => ({ Component: (await import('../screens/resend/resend.tsx')).Resend }),
  },
  {
    path: '/results',
    roles: EVERYBODY,
    menu: { name: 'results', icon: IconReceipt, key: 'r' },
    load: async () => ({ Component: (await import('../screens/results/results.tsx')).Results }),
  },
  {
    path: '/statements',
    roles: EVERYBODY,
    menu: { name: 'statements', icon: IconReportMoney, key: 's' },
    load: async () => ({
      Component: (await import('../screens/statements/statements.tsx')).Statements,
    }),
  },
  {
    path: '/reconciliations',
    roles: EVERYBODY,
    menu: { name: 'recovery', icon: IconScale, key: 'c' },
    load: async () => ({
      Component: (await import('../screens/reconciliations/reconciliations.tsx')).Reconciliations,
    }),
  },
  {
    path: '/reconciliations/:id',
    roles: EVERYBODY,
    load: async () => ({
      Component: (await import('../screens/reconciliation/reconciliation.tsx')).Reconciliation,
    }),
  },
  {
    path: '/audit',
    roles: ['operator'],
    menu: { name: 'audit', icon: IconHistory, key: 'a' },
    load: async () => ({ Component: (await import('../screens/audit/audit.tsx')).Audit }),
  },
  {
    path: '/endpoints',
    roles: EVERYBODY,
    menu: { name: 'endpoints', icon: IconWebhook, key: 'e' },
    load: async () => ({
      Component: (await import('../screens/endpoints/endpoints.tsx')).Endpoints,
    }),
  },
  {
    path: '/endpoints/:id',
    roles: EVERYBODY,
    load: async () => ({ Component: (await import('../screens/endpoints/endpoint.tsx')).Endpoint }),
  },
  {
    path: '/queues',
    roles: EVERYBODY,
    menu: { name: 'queues', icon: IconStack2, key: 'q' },
    load: async () => ({ Component: (await import('../screens/queues/queues.tsx')).Queues }),
  },
  {
    // No queue can have this name.
    path: '/queues/_new',
    roles: ['operator'],
    load: async () => ({ Component: (await import('../screens/queues/new-queue.tsx')).NewQueue }),
  },
  {
    path: '/queues/:name',
    roles: EVERYBODY,
    load: async () => ({ Component: (await import('../screens/queues/queue.tsx')).Queue }),
  },
  {
    path: '/merchants',
    roles: ['operator'],
    menu: { name: 'merchants', icon: IconUsers, key: 'm' },
    load: async () => ({
      Component: (await import('../screens/merchants/merchants.tsx')).Merchants,
    }),
  },
  {
    path: '/keys',
    roles: ['operator'],
    menu: { name: 'keys', icon: IconKey, key: 'k' },
    load: async () => ({ Component: (await import('../screens/keys/keys.tsx')).Keys }),
  },
];

/** Those that this role may open. */
export function screensFor(role: Session['role']): Screen[] {
  return screens.filter(({ roles }) => roles.includes(role));
}
