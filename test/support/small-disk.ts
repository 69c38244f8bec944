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
  /** As after an error of the disk: nothing can be written until `remove`. */
  makeReadOnly(): void;
  /** Nobody may have a file open on it. */
  remove(): void;
}

/** @throws where this process may not mount: see `mayMount` */
export function mountSmallDisk(sizeMb: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'postrider-disk-'));
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${sizeMb}m,mode=755`, 'tmpfs', path);
  } catch (error) {
    rmdirSync(path);
    throw error;
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
    makeReadOnly: () => run('mount', '-o', 'remount,ro', path),
    remove() {
      run('umount', path);
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

function run(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
