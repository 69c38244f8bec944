import { shellWords } from './app/words.ts';
import { kitWords } from './kit/kit-words.ts';
import { secretWords } from './kit/secret-words.ts';
import { auditWords } from './screens/audit/words.ts';
import { detailWords } from './screens/detail/words.ts';
import { endpointsWords } from './screens/endpoints/words.ts';
import { keysWords } from './screens/keys/words.ts';
import { merchantsWords } from './screens/merchants/words.ts';
import { messageWords } from './screens/message/words.ts';
import { messagesWords } from './screens/messages/words.ts';
import { notificationsWords } from './screens/notifications/words.ts';
import { overviewWords } from './screens/overview/words.ts';
import { queuesWords } from './screens/queues/words.ts';
import { reconciliationWords } from './screens/reconciliation/words.ts';
import { reconciliationsWords } from './screens/reconciliations/words.ts';
import { resendWords } from './screens/resend/words.ts';
import { resendNewWords } from './screens/resend-new/words.ts';
import { resendsWords } from './screens/resends/words.ts';
import { resultsWords } from './screens/results/words.ts';
import { statementsWords } from './screens/statements/words.ts';
import { tailWords } from './screens/tail/words.ts';
import { transactionWords } from './screens/transaction/words.ts';
import { transactionsWords } from './screens/transactions/words.ts';

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
  resends: resendsWords,
  resendNew: resendNewWords,
  resend: resendWords,
  results: resultsWords,
  statements: statementsWords,
  reconciliations: reconciliationsWords,
  reconciliation: reconciliationWords,
  audit: auditWords,
  messages: messagesWords,
  message: messageWords,
  transactions: transactionsWords,
  transaction: transactionWords,
};

export type Namespaces = typeof namespaces;
