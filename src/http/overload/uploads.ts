import { createRoom, type Room } from './room.ts';

/** One body on its way in. */
export interface Upload {
  /** Waits for the room of the whole body. @returns false where it waited too long */
  room(): Promise<boolean>;
  /** It is read, or given up. */
  end(): void;
}

interface UploadsOptions {
  limitBytes: number;
  /** The longest wait for room. */
  maxWaitMs: number;
  /** An upload that has had its room for longer than this gives way as soon as others wait for it. */
  slowMs: number;
  nowMs(): number;
}

interface Open {
  since: number;
  giveWay(): void;
}

/**
 * The bytes of bodies that are being read. Each has the room of the whole body before it is read: of many
 * that were let in piece by piece each would hold a part and wait for the rest, and none would end.
 *
 * Who announces eight megabytes and sends one a minute holds the room of all eight, but not for long where
 * others wait: it is for those who use it.
 */
export function createUploads({ limitBytes, maxWaitMs, slowMs, nowMs }: UploadsOptions) {
  const room: Room = createRoom({ limit: limitBytes, maxWaitMs });
  /** In the order in which they began. */
  const open = new Set<Open>();

  function freeRoom(): void {
    for (const upload of open) {
      if (!room.isWanted || nowMs() - upload.since < slowMs) return;
      upload.giveWay();
    }
  }

  return {
    /**
     * @param bytes as many as it will have at most
     * @param giveWay called when it has been too slow for too long, and others need its room; it must `end`
     */
    begin(bytes: number, giveWay: () => void): Upload {
      const upload = { since: 0, giveWay };
      let isOver = false;
      return {
        async room() {
          if (!room.take(bytes)) {
            const wait = room.wait(bytes);
            freeRoom();
            if (!(await wait)) return false;
          }
          if (isOver) {
            room.give(bytes);
            return false;
          }
          upload.since = nowMs();
          open.add(upload);
          return true;
        },
        end() {
          isOver = true;
          if (open.delete(upload)) room.give(bytes);
        },
      };
    },
    get usedBytes() {
      return room.used;
    },
  };
}
