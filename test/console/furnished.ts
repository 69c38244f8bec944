import { utcDate } from '../features/reconciliations/books.ts';
import type { TestGateway } from '../support/gateway.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';
import { playADay } from './day.ts';
import { playAnHour } from './scene.ts';

/** A screen, at an address at which there is something to be seen. */
export interface Place {
  path: string;
  /** Only then it is all there. */
  shows: string;
}

/** Every screen of the console, with things on it; beside the menu's, those behind its lists. */
export async function furnish(
  gateway: TestGateway,
  minutes: number,
): Promise<{ places: Place[]; close(): Promise<void> }> {
  const { operator } = gateway;
  const books = await startReceiver();
  const date = utcDate(-2);
  // Before the hour, whose notifications are newer.
  const day = await playADay(gateway, books, { date, id: 'm_harbour-cinema', agreed: 12 });
  const scene = await playAnHour(gateway, minutes);
  const { merchant, struggling } = scene;
  const hand = { 'content-type': 'text/csv' };
  const [{ body: compared }, { body: job }, { body: endpoints }, { body: delivered }] =
    await Promise.all([
      day.merchant.api.post(`/v1/reconciliations?date=${date}`, day.csv, hand).expect(202),
      operator
        .post('/v1/resends', {
          filter: { merchantId: merchant.id, status: 'delivered' },
          reason: 'their disk was full from two to four',
          force: true,
          ratePerSecond: 0.1,
        })
        .expect(202),
      operator.get(`/v1/merchants/${merchant.id}/endpoints`).expect(200),
      operator
        .get(`/v1/notifications?merchantId=${merchant.id}&status=delivered&limit=1`)
        .expect(200),
    ]);
  await operator.post(`/v1/resends/${job.id}/pause`).expect(200);
  await until(async () => {
    const path = `/v1/reconciliations/${compared.id}`;
    return (await day.merchant.api.get(path)).body.status === 'completed';
  });
  const attempted = `/v1/merchants/${merchant.id}/endpoints/overview`;
  await until(async () => (await operator.get(attempted)).body.data[0]?.attempts > 0);
  const opened = await openProtocols(gateway, merchant.id, books.url('/check'));
  const bookOf = `merchant=${day.merchant.id}&date=${date}`;
  const places: Place[] = [
    { path: '/', shows: '.uplot' },
    { path: '/notifications', shows: 'tbody tr' },
    { path: `/notifications/${struggling.id}`, shows: '[data-rung=next]' },
    { path: `/notifications/${delivered.data[0].id}`, shows: '[data-tone=good] time' },
    { path: '/messages', shows: 'tbody tr' },
    { path: `/messages/${opened.id}`, shows: 'ol li[aria-current=step]' },
    { path: '/transactions', shows: 'tbody tr' },
    { path: `/transactions/${opened.gid}`, shows: 'tbody tr' },
    { path: '/tail', shows: '[role=status]' },
    { path: '/resends', shows: 'tbody tr' },
    { path: `/resends/new?merchant=${merchant.id}&status=delivered`, shows: 'main h2' },
    { path: `/resends/${job.id}`, shows: '[role=progressbar]' },
    { path: `/results?merchant=${day.merchant.id}&key=status`, shows: 'main section' },
    {
      path: `/results?merchant=${day.merchant.id}#lost-1,nobody-knows,amount`,
      shows: 'tbody tr',
    },
    { path: `/statements?${bookOf}`, shows: 'tbody tr' },
    { path: '/reconciliations', shows: 'tbody tr' },
    { path: `/reconciliations/${compared.id}`, shows: 'tbody tr' },
    { path: '/audit', shows: 'ol[aria-label] > li' },
    { path: `/endpoints?merchant=${merchant.id}`, shows: 'tbody tr' },
    { path: `/endpoints/${endpoints.data[0].id}`, shows: 'dd' },
    { path: '/queues', shows: 'tbody tr' },
    { path: '/queues/_new', shows: 'main input' },
    { path: '/queues/payments', shows: 'main time' },
    { path: '/merchants', shows: 'tbody tr' },
    { path: '/keys', shows: 'tbody tr' },
    { path: '/nowhere', shows: 'main a' },
  ];
  return { places, close: async () => void (await Promise.all([scene.close(), books.close()])) };
}

/** A message and a transaction that wait for their producer's word. */
async function openProtocols(gateway: TestGateway, merchantId: string, url: string) {
  const { api } = await gateway.producer();
  const [{ body: message }, { body: transaction }] = await Promise.all([
    api
      .post('/v1/messages', {
        notification: { merchantId, type: 'points.granted', businessKey: 'ORDER-1', payload: {} },
        checkUrl: url,
        checkAfterSeconds: 3600,
        completion: 'explicit',
      })
      .expect(201),
    api
      .post('/v1/transactions', {
        businessKey: 'ORDER-1',
        mode: 'initiator',
        timeoutSeconds: 3600,
        branches: [{ branchId: 'stock', confirmUrl: url, cancelUrl: url, payload: {} }],
      })
      .expect(201),
  ]);
  return { id: message.id as string, gid: transaction.gid as string };
}
