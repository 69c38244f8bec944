import type { Template } from './formats.ts';

/** Slack's incoming webhooks. They answer a status other than 2xx where something is wrong. */
export const slack: Template = ({ subject, lines }, { url }) => ({
  url,
  body: JSON.stringify({ text: escaped([`*${subject}*`, ...lines].join('\n')) }),
});

/** As Slack asks for; what is left is no link and mentions nobody. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
