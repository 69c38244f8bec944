import { createHash, randomBytes } from 'node:crypto';
import type { Role } from '../../../api/route.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_BYTES = 24;
/** 62^33 is the first power that holds 24 bytes. */
const RANDOM_CHARACTERS = 33;
const CHECKSUM_CHARACTERS = 6;

const SHAPE = /^(pr_(?:operator|producer|merchant)_[0-9A-Za-z]{33})([0-9A-Za-z]{6})$/;

/** A new key, `pr_<role>_<random><checksum>`: 192 random bits. */
export function newKey(role: Role): string {
  const random = BigInt(`0x${randomBytes(RANDOM_BYTES).toString('hex')}`);
  const stem = `pr_${role}_${toBase62(random, RANDOM_CHARACTERS)}`;
  return stem + checksum(stem);
}

/** A key for the first operator, of a gateway that was given none. */
export function newOperatorKey(): string {
  return newKey('operator');
}

/** Whether the text can be one of our keys. A typing error shows here, without the database. */
export function hasKeyShape(text: string): boolean {
  const [, stem, end] = SHAPE.exec(text) ?? [];
  return stem !== undefined && checksum(stem) === end;
}

/** What is stored of a key. It is long and random, so a fast hash without salt is enough. */
export function hashKey(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function checksum(stem: string): string {
  const digest = createHash('sha256').update(stem).digest();
  return toBase62(
    digest.readBigUInt64BE() % 62n ** BigInt(CHECKSUM_CHARACTERS),
    CHECKSUM_CHARACTERS,
  );
}

function toBase62(value: bigint, characters: number): string {
  let text = '';
  for (let rest = value; text.length < characters; rest /= 62n) {
    text = ALPHABET.charAt(Number(rest % 62n)) + text;
  }
  return text;
}
