import { examples as notification } from '../notification/examples.ts';

const asked = {
  checkUrl: 'https://payments.example/checks/ORDER-20261122-0001',
  checkAfterSeconds: 30,
  completion: 'explicit',
};
const DELIVERY = 'dlv_01m82cb0w4f6y9a3s8n5t2h7kq';
const { merchantId, type, businessKey, eventId } = notification.input;

/** A message that waits for its producer's transaction: what `/docs` shows. */
export const examples = {
  prepare: { messageId: 'pay-20261122-0001', notification: notification.input, ...asked },
  message: {
    id: 'pay-20261122-0001',
    producerKeyId: 'key_01m82c7q9x5e2v8b4n6j1t3wza',
    status: 'prepared',
    merchantId,
    type,
    businessKey,
    eventId,
    ...asked,
    completeAfterSeconds: 60,
    check: {
      deliveryId: 'dlv_01m82cb0w4f6y9a3s8n5t2h7kp',
      count: 0,
      nextAt: '2026-11-22T08:00:30.214Z',
    },
    preparedAt: '2026-11-22T08:00:00.214Z',
    suspendedAt: null,
    decidedAt: null,
    decidedBy: null,
    reason: null,
    outcome: null,
    notificationId: null,
    deliveries: [],
  },
  complete: { deliveryId: DELIVERY, consumer: 'order-service', outcome: 'success' },
  completeByKey: {
    messageId: 'pay-20261122-0001',
    businessKey,
    deliveryId: DELIVERY,
    outcome: 'failed',
    reason: 'the account is closed',
  },
  check: { messageId: 'pay-20261122-0001', businessKey, checkNumber: 1 },
  checkAnswer: { status: 'committed' as const },
  resolve: { decision: 'confirm', reason: 'the order is paid in their books' },
};
