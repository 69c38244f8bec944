import type { CallName, Key, NewKey } from '../../api/keys.ts';

export const ROLES = ['producer', 'merchant', 'operator'] as const;

/** What is said of its end; of the usual one nothing. */
const LIVES = {
  usual: {},
  month: { expiresInDays: 30 },
  quarter: { expiresInDays: 90 },
  year: { expiresInDays: 365 },
  never: { expiresAt: null },
} as const;
export const LIFE_NAMES = ['usual', 'month', 'quarter', 'year', 'date', 'never'] as const;

/** A new key, as it stands in the form. */
export interface Written {
  role: Key['role'];
  name: string;
  /** Whose key, for a merchant's. */
  merchantId: string;
  /** Whom alone a producer may send to; empty: everybody. */
  merchants: string[];
  /** null: everything that its role may. */
  calls: CallName[] | null;
  /** Empty: from anywhere. */
  networks: string[];
  life: (typeof LIFE_NAMES)[number];
  /** The last moment, by the writer's clock, as `datetime-local` gives it. */
  until: string;
}

export const NEW: Written = {
  role: 'producer',
  name: '',
  merchantId: '',
  merchants: [],
  calls: null,
  networks: [],
  life: 'usual',
  until: '',
};

/** As the API takes it; `null`: something is still missing. */
export function keyOf(written: Written): NewKey | null {
  const { role, calls, networks } = written;
  const name = written.name.trim();
  const merchantId = role === 'merchant' ? written.merchantId.trim() : null;
  const end = endOf(written);
  if (name === '' || merchantId === '' || calls?.length === 0 || end === null) return null;
  return {
    role,
    name,
    merchantId,
    calls,
    merchants: role === 'producer' ? orNull(written.merchants) : null,
    networks: orNull(networks),
    ...end,
  };
}

/** An empty list would read like "nobody", or "nowhere". */
function orNull(list: string[]): string[] | null {
  return list.length === 0 ? null : list;
}

function endOf({ life, until }: Written): Pick<NewKey, 'expiresAt' | 'expiresInDays'> | null {
  if (life !== 'date') return LIVES[life];
  const ms = Date.parse(until);
  return ms > Date.now() ? { expiresAt: new Date(ms).toISOString() } : null;
}
