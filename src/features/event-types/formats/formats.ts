/** How the body of an operational event may look: as it is, or as a chat's or a mail relay's message. */
export const FORMATS = ['standard', 'slack', 'feishu', 'dingtalk', 'email'] as const;
export type Format = (typeof FORMATS)[number];

export const LANGUAGES = ['en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Formats whose receivers check a signature of their own. */
export const SIGNED_FORMATS: readonly Format[] = ['feishu', 'dingtalk'];

/** A message for people. */
export interface Message {
  subject: string;
  lines: string[];
}

/** What a template makes of a message. */
export interface Dressed {
  url: string;
  body: string;
  /** What an answer must say beside a 2xx; absent: nothing. */
  answers?: { path: string; equals: number };
}

export type Template = (
  message: Message,
  to: { url: string; secret: string | null; nowMs: number },
) => Dressed;
