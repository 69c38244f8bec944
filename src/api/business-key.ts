import { z } from 'zod';

/** Line breaks and what turns the direction of a text make two keys look like one, in a log or a list. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const PLAIN = /^[^\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]*$/;
/** What a producer calls its order, payment or refund. */
export const businessKey = z
  .string()
  .min(1)
  .max(128)
  .regex(PLAIN, 'No control characters, and none that turn the direction of the text.');
