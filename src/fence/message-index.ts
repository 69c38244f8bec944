// What `import … from 'postrider/message'` gives to producers of reliable messages. It needs nothing of
// the gateway, nor any package.
export { type FenceSql, pgFence, prismaFence } from './fence.ts';
export {
  type LocalOutcome,
  MESSAGE_CLEANUP,
  MESSAGE_TABLE,
  MessageRolledBack,
  markCommitted,
  settleOutcome,
} from './message.ts';
export {
  answerCheck,
  type CheckAnswer,
  type CheckOptions,
  checkMiddleware,
  type LocalDatabase,
} from './message-check.ts';
export {
  GatewayRefused,
  type Produced,
  type ProducedMessage,
  type ProducerOptions,
  prepareAndCommit,
} from './message-producer.ts';
