import type { DeliveryRow } from './rows.ts';

/** How a delivery ends without success: what had arrived before it was sent again is what it was. */
export function endOf(
  { arrivedAs }: DeliveryRow,
  end: Pick<DeliveryRow, 'status' | 'reason'>,
): Pick<DeliveryRow, 'status' | 'reason'> {
  if (arrivedAs === null) return end;
  const reason = arrivedAs === 'acknowledged' ? 'confirmed_by_pull' : null;
  return { status: arrivedAs, reason };
}
