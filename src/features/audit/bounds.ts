import { createHash } from 'node:crypto';

export type State = Record<string, unknown> | null;

/** Of what one call leaves in the log, which nobody can empty: enough to see what was done, by far. */
const MAX_STATE_CHARACTERS = 8 * 1024;
const MAX_TEXT_CHARACTERS = 512;
const MAX_REASON_CHARACTERS = 1000;
const MAX_ITEMS = 20;
const MAX_MEMBERS = 50;

/** A long text as the log keeps it: its beginning, and how long it was. */
export function boundedText(text: string, limit = MAX_TEXT_CHARACTERS): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length} characters)`;
}

export function boundedReason(reason: string | null): string | null {
  return reason && boundedText(reason, MAX_REASON_CHARACTERS);
}

/**
 * What a call asked for, or an object, as the log keeps it: of long texts and lists the beginning. What is too long
 * even so is told by its length and its SHA-256, which still proves what it was to whoever has it.
 */
export function boundedState(state: State): State {
  if (state === null) return null;
  const bounded = bound(state) as Record<string, unknown>;
  if (JSON.stringify(bounded).length <= MAX_STATE_CHARACTERS) return bounded;
  const text = JSON.stringify(state);
  return {
    tooLong: true,
    characters: text.length,
    sha256: createHash('sha256').update(text).digest('hex'),
  };
}

function bound(value: unknown): unknown {
  if (typeof value === 'string') return boundedText(value);
  if (Array.isArray(value)) {
    const kept = value.slice(0, MAX_ITEMS).map(bound);
    return value.length <= MAX_ITEMS ? kept : [...kept, `… (${value.length} items)`];
  }
  // A Date, say, is what JSON makes of it.
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  const members = Object.entries(value);
  const kept = members
    .slice(0, MAX_MEMBERS)
    .map(([name, member]) => [boundedText(name, 128), bound(member)]);
  if (members.length > MAX_MEMBERS) kept.push(['…', `${members.length} members`]);
  return Object.fromEntries(kept);
}
