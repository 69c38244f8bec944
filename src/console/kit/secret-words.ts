import { inBoth } from './words.ts';

/** What surrounds everything that is shown once: keys and signing secrets. */
export const secretWords = inBoth(
  {
    once: 'Shown this once. Keep it now, where only those can read it who need it.',
    copy: 'Copy',
    copied: 'Copied',
    done: 'I have kept it',
    key: 'Key',
    secret: 'Signing secret',
    callbackSecret: 'Callback secret',
    rotate: {
      open: 'Rotate secret',
      title: 'Rotate the signing secret',
      text: 'A new secret is made. Until the overlap ends both sign, so that the receiver can change over in peace.',
      overlap: 'Overlap',
      overlaps: {
        none: 'none: the old one is known to others',
        hour: '1 hour',
        day: '1 day',
        week: '7 days',
      },
      submit: 'Make a new secret',
      until: 'The previous one signs too until {{time}}.',
      done: 'The new secret',
    },
  },
  {
    once: '仅显示这一次。请立即妥善保存，只让需要的人读到。',
    copy: '复制',
    copied: '已复制',
    done: '我已保存',
    key: '密钥',
    secret: '签名密钥',
    callbackSecret: '回调密钥',
    rotate: {
      open: '轮换密钥',
      title: '轮换签名密钥',
      text: '将生成新密钥。重叠期内新旧密钥同时签名，接收方可从容切换。',
      overlap: '重叠期',
      overlaps: { none: '无：旧密钥已泄露', hour: '1 小时', day: '1 天', week: '7 天' },
      submit: '生成新密钥',
      until: '旧密钥同时签名至 {{time}}。',
      done: '新密钥',
    },
  },
);
