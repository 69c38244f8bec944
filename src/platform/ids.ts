import { randomUUID } from 'node:crypto';
import { fromUUID, typeid } from 'typeid-js';

/** Prefixes of the TypeIDs callers see. */
type IdPrefix =
  | 'att'
  | 'aud'
  | 'brn'
  | 'cb'
  | 'dlv'
  | 'ep'
  | 'key'
  | 'mch'
  | 'msg'
  | 'ntf'
  | 'rec'
  | 'rsd'
  | 'tx';

/** A new TypeID, e.g. `ntf_01k…`; ids sort by the time they were made. */
export function newId(prefix: IdPrefix): string {
  return typeid(prefix).toString();
}

/** The TypeID that a reserved UUID stands for: the same UUID gives the same id. */
export function idFromUuid(prefix: IdPrefix, uuid: string): string {
  return fromUUID(uuid, prefix).toString();
}

/** A UUIDv7, as TypeIDs use it. */
export function newUuid(): string {
  return typeid().toUUID();
}

/** A random lease token or request id: needs no order. */
export function newToken(): string {
  return randomUUID();
}
