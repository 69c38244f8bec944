import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real file system of a few megabytes that can be filled to the last byte. */
export interface SmallDisk {
  path: string;
  /** Takes all the room that is left. */
  fill(): void;
  /** Gives it back. */
  free(): void;
  /** Nobody may have a file open on it. */
  remove(): void;
}

/** @throws where this process may not mount: see `mayMount` */
export function mountSmallDisk(sizeMb: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'postrider-disk-'));
  const { status, stderr } = spawnSync(
    'mount',
    ['-t', 'tmpfs', '-o', `size=${sizeMb}m,mode=755`, 'tmpfs', path],
    { encoding: 'utf8' },
  );
  if (status !== 0) {
    rmdirSync(path);
    throw new Error(`A file system cannot be mounted here: ${stderr}`);
  }
  const filler = join(path, 'filler');
  return {
    path,
    fill() {
      const descriptor = openSync(filler, 'a');
      for (const chunkBytes of [1_048_576, 4_096, 1]) fillBy(descriptor, chunkBytes);
      closeSync(descriptor);
    },
    free: () => rmSync(filler),
    remove() {
      const { status, stderr } = spawnSync('umount', [path], { encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
      rmdirSync(path);
    },
  };
}

/** Mounting takes root, and more in some containers. */
export function mayMount(): boolean {
  try {
    mountSmallDisk(1).remove();
    return true;
  } catch {
    return false;
  }
}

function fillBy(descriptor: number, chunkBytes: number): void {
  const chunk = Buffer.alloc(chunkBytes);
  try {
    for (;;) writeSync(descriptor, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
