import { z } from 'zod';
import type { Webhook } from '../../api/webhook.ts';
import { plainId } from './contract.ts';
import { examples } from './examples.ts';

type Op = 'try' | 'confirm' | 'cancel';

const SIGNED =
  'Signed with the `callbackSecret` of the producer’s key. Of the headers only `webhook-id` is in what is signed: refuse a call whose other headers say something else (`postrider/fence` does).';

const payload = z
  .record(z.string(), z.unknown())
  .meta({ id: 'BranchPayload', examples: [examples.branch.payload] })
  .describe(
    'The branch’s `payload`, byte for byte, the same in try, confirm and cancel. Numbers may be longer than a double holds.',
  );

function headersOf(op: Op) {
  return z.object({
    'webhook-id': z
      .string()
      .regex(new RegExp(`^[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,64}:${op}$`))
      .describe(
        `\`<gid>:<branchId>:${op}\`: the call, the same in every attempt. Act once for each.`,
      ),
    'postrider-gid': plainId.describe('The transaction.'),
    'postrider-branch': plainId.describe('The branch of it that is meant.'),
    'postrider-op': z.literal(op).describe('What is asked of it.'),
  });
}

/** 425, and what the second phase makes of everything that is no yes. */
const SECOND_PHASE: Webhook['answers'] = {
  '2XX': { description: 'Done: the next branch has its turn.' },
  409: {
    description:
      'Repeated as all else, because what was decided stays decided; operators are told at the first one.',
  },
  425: {
    description: 'Still at it: called again after 5 s, and counted as no failure.',
  },
  default: {
    description:
      'Repeated for a day: every other status, redirects, no answer in time, no connection. Operators are told at the third failure; after the day the transaction is suspended, its decision kept.',
  },
};

function second(op: 'confirm' | 'cancel', summary: string, order: string): Webhook {
  return {
    name: op === 'confirm' ? 'tccConfirm' : 'tccCancel',
    tag: 'Transactions',
    summary,
    description: `To the branch’s \`${op}Url\` once the transaction is decided, ${order}, one branch at a time. The rules are those of the queue \`tcc-second\`. ${SIGNED}`,
    headers: headersOf(op),
    body: payload,
    answers: SECOND_PHASE,
  };
}

/** What is asked of a transaction's participants. */
export const tccWebhooks: readonly Webhook[] = [
  {
    name: 'tccTry',
    tag: 'Transactions',
    summary: 'Try: freeze what the branch will need',
    description: `To the \`tryUrl\` of every branch of a managed transaction, once, all at the same time. Of \`mode: initiator\` the initiator calls them itself. The rules are those of the queue \`tcc-try\`. ${SIGNED}`,
    headers: headersOf('try'),
    body: payload,
    answers: {
      '2XX': { description: 'Frozen. Once all branches say so, the transaction is confirmed.' },
      409: { description: 'Refused: the transaction is cancelled.' },
      425: { description: 'Still at it: asked again after 2 s.' },
      default: {
        description:
          'Nobody knows what came of it: every other status, redirects, no answer in time, no connection. The transaction is cancelled, and this branch with all the others.',
      },
    },
  },
  second('confirm', 'Confirm: use what was frozen', 'in the order of registration'),
  second(
    'cancel',
    'Cancel: give back what was frozen, also where no try has come',
    'in the reverse order of registration',
  ),
];
