import type { Template } from './formats.ts';

/** For a relay that makes an e-mail of it: whom it goes to is the relay's to know. */
export const email: Template = ({ subject, lines }, { url }) => ({
  url,
  body: JSON.stringify({ subject, text: `${lines.join('\n')}\n` }),
});
