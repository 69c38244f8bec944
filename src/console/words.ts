import { shellWords } from './app/words.ts';
import { kitWords } from './kit/kit-words.ts';
import { secretWords } from './kit/secret-words.ts';
import { detailWords } from './screens/detail/words.ts';
import { endpointsWords } from './screens/endpoints/words.ts';
import { keysWords } from './screens/keys/words.ts';
import { merchantsWords } from './screens/merchants/words.ts';
import { notificationsWords } from './screens/notifications/words.ts';
import { overviewWords } from './screens/overview/words.ts';
import { queuesWords } from './screens/queues/words.ts';
import { tailWords } from './screens/tail/words.ts';

/** Every text of the console, by namespace: `useTranslation('overview')`. A screen adds its line. */
export const namespaces = {
  shell: shellWords,
  kit: kitWords,
  secret: secretWords,
  notifications: notificationsWords,
  detail: detailWords,
  overview: overviewWords,
  endpoints: endpointsWords,
  queues: queuesWords,
  merchants: merchantsWords,
  keys: keysWords,
  tail: tailWords,
};

export type Namespaces = typeof namespaces;
