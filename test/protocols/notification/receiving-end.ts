import type { Api } from '../../support/api.ts';

/** What a receiver keeps of a business key. */
export interface Known {
  id: string;
  status: string;
  version: number;
  occurredAt: string;
}

/** A notification as it comes, by push, by feed or by result. */
interface News {
  id: string;
  businessKey: string;
  occurredAt: string;
  result: { status: string; version: number };
}

/**
 * The receiving end as the guide advises it: takes what is newer, whatever the order and however
 * often it comes, keeps its place in the feed, and confirms what it has taken.
 */
export function receivingEnd(api: Api) {
  const known = new Map<string, Known>();
  let cursor: string | null = null;
  const take = ({ id, businessKey, occurredAt, result }: News) => {
    const news = { id, status: result.status, version: result.version, occurredAt };
    const before = known.get(businessKey);
    if (before === undefined || isNewer(news, before)) known.set(businessKey, news);
  };
  return {
    known,
    take,
    /** The body of a webhook call. */
    takePushed(body: string) {
      const { id, timestamp, businessKey, result } = JSON.parse(body);
      take({ id, businessKey, occurredAt: timestamp, result });
    },
    /** Pages the feed from where it stopped the last time, and confirms each page. */
    async catchUp(): Promise<string[]> {
      const caughtUp: string[] = [];
      for (;;) {
        const place: string = cursor === null ? '' : `&cursor=${cursor}`;
        const { body } = await api
          .get(`/v1/notifications?undelivered=true&limit=4${place}`)
          .expect(200);
        for (const each of body.data) take(each);
        const ids = body.data.map(({ id }: { id: string }) => id);
        if (ids.length > 0) await api.post('/v1/notifications/ack', { ids }).expect(200);
        caughtUp.push(...ids);
        cursor = body.nextCursor ?? cursor;
        if (!body.hasMore) return caughtUp;
      }
    },
  };
}

/** The highest version; among equals the latest to occur, then the latest id. */
export function isNewer(one: Known, other: Known): boolean {
  if (one.version !== other.version) return one.version > other.version;
  if (one.occurredAt !== other.occurredAt) return one.occurredAt > other.occurredAt;
  return one.id > other.id;
}

/** The latest results of the API, in the receiver's words. */
export async function resultsOf(api: Api, businessKeys: string[]): Promise<Map<string, Known>> {
  const { body } = await api.post('/v1/results/query', { businessKeys }).expect(200);
  return new Map(
    body.data.map(
      (each: { businessKey: string; latest: Omit<News, 'id'> & { notificationId: string } }) => {
        const { notificationId: id, occurredAt, result } = each.latest;
        const { status, version } = result;
        return [each.businessKey, { id, status, version, occurredAt }];
      },
    ),
  );
}
