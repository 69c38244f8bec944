import { invalid, Problem, under } from '../../api/problem.ts';
import type { Item, ItemRules } from '../../api/route.ts';
import { elementTexts, memberText } from '../../platform/json/text.ts';
import { MAX_DEPTH, parseDeep, parseJson } from './json.ts';
import { invalidRequest } from './validate.ts';

/** Those of the object and of the list in which items stand. */
const LEVELS_AROUND = 2;

interface ItemBody {
  /** The list in it has its length, and nothing more. */
  value: unknown;
  text: string;
  /** None where there is no such list. */
  items: Item[];
}

/**
 * Reads an object with a list of items. What `parseJson` refuses, and what is too large, is the fault of
 * the item that holds it: each is taken or refused as if it had come alone. What is no JSON at all has
 * no items and is refused as a whole, and so is what no item could be: deeper than its bytes allow.
 *
 * @throws Problem 400 `malformed_json`, or 422
 */
export function parseItems(bytes: Buffer, { member, limitBytes }: Limits): ItemBody {
  const { value, text, depth, fault } = parseDeep(bytes, limitBytes);
  // Nearly all bodies are sound as a whole; in the others each item is read by itself once more.
  const isSound = fault === null && depth <= MAX_DEPTH + LEVELS_AROUND;
  const list = listIn(value, member);
  const texts = list === null ? [] : elementTexts(memberText(text, member) ?? '[]');
  const items = texts.map((itemText, index): Item => {
    const itemBytes = Buffer.from(itemText);
    if (itemBytes.length > limitBytes) return tooLarge(limitBytes);
    return isSound ? { value: list?.[index], text: itemText } : alone(itemBytes);
  });
  if (!isSound && !items.some((item) => item instanceof Problem)) {
    throw fault ?? invalid('body', `JSON deeper than ${MAX_DEPTH} levels.`);
  }
  const bare = list === null ? value : { ...(value as object), [member]: list.map(() => null) };
  return { value: bare, text, items };
}

type Limits = Pick<ItemRules, 'member' | 'limitBytes'>;

/** What the schema makes of each item, and each problem told by its place in the body. */
export function judgeItems(items: readonly Item[], { member, schema }: ItemRules): Item[] {
  return items.map((item, index) => {
    const path = ['body', member, index];
    if (item instanceof Problem) return under(path.join('.'), item);
    const parsed = schema.safeParse(item.value);
    return parsed.success
      ? { value: parsed.data, text: item.text }
      : invalidRequest(parsed.error.issues, path);
  });
}

function listIn(value: unknown, member: string): unknown[] | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const list = (value as Record<string, unknown>)[member];
  return Array.isArray(list) ? list : null;
}

function alone(bytes: Buffer): Item {
  try {
    return parseJson(bytes);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

function tooLarge(limitBytes: number): Problem {
  return new Problem(422, 'payload_too_large', `An item may have ${limitBytes} bytes at most.`);
}
