import type { Language, Message } from './formats.ts';
import { FIELDS, TITLES } from './words.ts';

/** An event as it is sent. */
interface Envelope {
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
}

/** So many of a list are told in a message. */
const MOST_ITEMS = 5;
const MOST_CHARACTERS = 200;
/** A merchant's word, such as why it has failed a message, must not look like a line of ours. */
const NO_PLAIN_TEXT = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** What people read: what has happened as a subject, and a line for each thing that is known. */
export function messageOf({ type, timestamp, data }: Envelope, language: Language): Message {
  const { items, ...fields } = data;
  const listed = Array.isArray(items) ? (items as Record<string, unknown>[]) : [];
  const title = TITLES[type]?.[language] ?? type;
  return {
    // Robots that only let through what holds a keyword can be given this one.
    subject: `[Postrider] ${title}`,
    lines: [
      ...linesOf(fields, language),
      ...listed.slice(0, MOST_ITEMS).map((item) => `- ${linesOf(item, language).join(', ')}`),
      `${FIELDS.timestamp?.[language]}: ${timestamp}`,
    ],
  };
}

function linesOf(fields: Record<string, unknown>, language: Language): string[] {
  return Object.entries(fields)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${FIELDS[name]?.[language] ?? name}: ${shown(value)}`);
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const plain = text.replaceAll(NO_PLAIN_TEXT, ' ');
  // Of whole characters: robots refuse a body with half a surrogate pair in it.
  const characters = [...plain];
  return characters.length > MOST_CHARACTERS
    ? `${characters.slice(0, MOST_CHARACTERS).join('')}…`
    : plain;
}
