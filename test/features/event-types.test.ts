import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPE_NAMES, EVENT_TYPES } from '../../src/features/event-types/catalogue.ts';
import { letsThrough, meant } from '../../src/features/event-types/filter.ts';
import { dress } from '../../src/features/event-types/formats/dress.ts';
import type { Format, Language } from '../../src/features/event-types/formats/formats.ts';
import { FIELDS, TITLES } from '../../src/features/event-types/formats/words.ts';

const page = readFileSync('docs/events.md', 'utf8');
const rows = page.split('\n').filter((line) => /^\| `[a-z]+\.[a-z]+` \|/.test(line));

test('the page lists every type of the catalogue, and no other', () => {
  const listed = rows.map((row) => row.split('`')[1]);
  expect(listed.toSorted()).toEqual(EVENT_TYPE_NAMES.toSorted());
});

test.each(EVENT_TYPE_NAMES)('the page names all that is in the data of %s', (type) => {
  const { shape } = EVENT_TYPES[type].data;
  const items = 'items' in shape ? Object.keys(shape.items.unwrap().shape) : [];
  const words = (rows.find((row) => row.startsWith(`| \`${type}\` `)) ?? '').split('`');
  const missing = [...Object.keys(shape), ...items].filter((name) => !words.includes(name));
  expect(missing).toEqual([]);
});

test('a filter is a type, or the beginning of some', () => {
  expect(letsThrough(['endpoint.*'], 'endpoint.disabled')).toBe(true);
  expect(letsThrough(['endpoint.disabled'], 'endpoint.disabled.twice')).toBe(false);
  expect(meant('tcc.*', false)).toEqual([]);
  expect(meant('tcc.*', true)).toHaveLength(3);
});

describe('a format', () => {
  const URL = 'https://hooks.example/robot/send?access_token=t';
  const NOW = Date.parse('2026-11-22T08:00:00.500Z');
  const event = (businessKey: string) =>
    JSON.stringify({
      id: 'ntf_1',
      type: 'notification.failed',
      timestamp: '2026-11-22T07:59:59.000Z',
      data: {
        merchantId: 'm_1001',
        count: 9,
        items: Array.from({ length: 9 }, () => ({ endpointId: null, businessKey })),
      },
    });
  const dressed = (
    format: Format,
    { language = 'en' as Language, secret = null as string | null, key = 'ORDER-1' } = {},
  ) => {
    const made = dress({ format, language, formatSecret: secret }, URL, event(key), NOW);
    return made && { ...made, body: JSON.parse(made.body) };
  };
  const LINES = [
    'Merchant: m_1001',
    'Count: 9',
    ...Array.from({ length: 5 }, () => '- Business key: ORDER-1'),
    'Time: 2026-11-22T07:59:59.000Z',
  ];

  test('standard leaves an event as it is', () => {
    expect(dressed('standard')).toBeNull();
  });

  test('slack is a text that mentions nobody', () => {
    expect(dressed('slack')).toEqual({
      url: URL,
      body: { text: ['*[Postrider] Notifications have failed*', ...LINES].join('\n') },
    });
    expect(dressed('slack', { key: '<!channel> & co' })?.body.text).toContain(
      '&lt;!channel&gt; &amp; co',
    );
  });

  test('feishu is a text, signed where there is a secret, and answered by a code', () => {
    const text = ['[Postrider] Notifications have failed', ...LINES].join('\n');
    const answers = { path: 'code', equals: 0 };
    expect(dressed('feishu')).toEqual({
      url: URL,
      body: { msg_type: 'text', content: { text } },
      answers,
    });
    const { timestamp, sign } = dressed('feishu', { secret: 'demo' })?.body ?? {};
    expect(timestamp).toBe('1795334400');
    expect(sign).toBe(createHmac('sha256', '1795334400\ndemo').update('').digest('base64'));
    const tagged = dressed('feishu', { key: '<at user_id="all">' })?.body.content.text;
    expect(tagged).not.toContain('<');
  });

  test('dingtalk is a text, signed in its address, and answered by an errcode', () => {
    const made = dressed('dingtalk', { language: 'zh', secret: 'SEC1' });
    expect(made?.body.msgtype).toBe('text');
    expect(made?.body.text.content).toMatch(/^\[Postrider\] 通知投递失败\n商户: m_1001\n/);
    expect(made?.answers).toEqual({ path: 'errcode', equals: 0 });
    const { searchParams: query } = new globalThis.URL(made?.url ?? '');
    expect(query.get('access_token')).toBe('t');
    expect(query.get('timestamp')).toBe(String(NOW));
    expect(query.get('sign')).toBe(
      createHmac('sha256', 'SEC1').update(`${NOW}\nSEC1`).digest('base64'),
    );
    expect(dressed('dingtalk')?.url).toBe(URL);
  });

  test('what somebody else has written adds no line', () => {
    const lines = dressed('dingtalk', { key: 'one\n[Postrider] two\r\u2028three\u202Efour' })?.body
      .text.content as string;
    expect(lines.split(/[\n\r\u2028]/)).toHaveLength(LINES.length + 1);
    expect(lines).toContain('one [Postrider] two  three four');
  });

  test('what is long is cut between characters, not within one', () => {
    const key = `${'a'.repeat(199)}😀 and more`;
    for (const format of ['slack', 'feishu', 'dingtalk', 'email'] as const) {
      const body = JSON.stringify(dressed(format, { key })?.body);
      expect(body).toContain('😀…');
      // Half a pair is no text: strict readers refuse the whole body.
      expect(body).not.toMatch(/\\ud83d/i);
    }
  });

  test('email is a subject and a text', () => {
    expect(dressed('email')?.body).toEqual({
      subject: '[Postrider] Notifications have failed',
      text: `${LINES.join('\n')}\n`,
    });
  });

  test('has words in both languages for all that is in the catalogue', () => {
    const names = EVENT_TYPE_NAMES.flatMap((type) => {
      const { shape } = EVENT_TYPES[type].data;
      const items = 'items' in shape ? Object.keys(shape.items.unwrap().shape) : [];
      return [...Object.keys(shape), ...items].filter((name) => name !== 'items');
    });
    expect(names.filter((name) => FIELDS[name] === undefined)).toEqual([]);
    expect(EVENT_TYPE_NAMES.filter((type) => TITLES[type] === undefined)).toEqual([]);
  });
});
