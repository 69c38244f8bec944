import { networkInterfaces } from 'node:os';
import { isMetadataAddress, isPublicAddress } from './addresses.ts';
import { type Connection, parseDeniedTargets, type TargetList } from './target-list.ts';

/** What may be called. The later rules are the stricter ones: what is denied is never called. */
export interface TargetRules {
  /** Loopback, private addresses, any port and plain http are fine: development and tests. */
  allowPrivateTargets: boolean;
  /** What may be called beside what is public. */
  alsoAllowed?: TargetList | null;
  /** Nothing but these, and of these only what may be called anyway. */
  only?: TargetList | null;
  denied?: readonly TargetList[];
}

const PUBLIC_PORTS = [443, 8443];

/** Whether this address may be called, a literal or where the name of `to` leads. */
export function mayBeCalled(address: string, to: Connection, rules: TargetRules): boolean {
  if (isMetadataAddress(address) || isDenied(address, to, rules)) return false;
  if (rules.only?.mayConnect(address, to) === false) return false;
  if (rules.allowPrivateTargets || rules.alsoAllowed?.mayConnect(address, to)) return true;
  return isPublicAddress(address) && isPublicConnection(to);
}

/** @param address or the name, as far as it shows without asking where it leads */
export function isDenied(address: string, to: Connection, { denied = [] }: TargetRules): boolean {
  return denied.some((list) => list.mayConnect(address, to));
}

export function isPublicConnection({ protocol, port }: Connection): boolean {
  return protocol === 'https:' && PUBLIC_PORTS.includes(port);
}

/** What operators say of addresses. */
export interface TargetSettings {
  allowPrivateTargets: boolean;
  producerTargets?: TargetList | null;
  merchantTargets?: TargetList | null;
  deniedTargets?: TargetList | null;
}

/**
 * The rules for merchants' addresses, and for producers'. This machine's own public addresses are nobody's: what calls
 * them comes out as the gateway's neighbour. Its private ones are closed to merchants anyway.
 */
export function targetRules(
  settings: TargetSettings,
  interfaces = networkInterfaces(),
): { merchants: TargetRules; producers: TargetRules } {
  const { allowPrivateTargets, producerTargets, merchantTargets, deniedTargets } = settings;
  const own = allowPrivateTargets ? [] : publicAddressesOf(interfaces);
  const ours = own.length === 0 ? [] : [parseDeniedTargets(own.join())];
  const denied = deniedTargets == null ? [] : [deniedTargets];
  return {
    merchants: {
      allowPrivateTargets,
      only: merchantTargets ?? null,
      denied: [...denied, ...ours],
    },
    // A producer's system on this very machine may be listed.
    producers: { allowPrivateTargets, alsoAllowed: producerTargets ?? null, denied },
  };
}

function publicAddressesOf(interfaces: ReturnType<typeof networkInterfaces>): string[] {
  return Object.values(interfaces).flatMap((each = []) =>
    each.map(({ address }) => address).filter(isPublicAddress),
  );
}
