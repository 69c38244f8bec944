import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A small disk of a test's own. */
export interface SmallDisk {
  path: string;
  grow(size: string): void;
  remove(): void;
}

/** Whether this machine lets us mount one; where CI is set it must. */
export function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-mount-'));
  const can = mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder);
  if (can) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  if (!can && process.env.CI === 'true')
    throw new Error('No disk can be mounted: with CI=true it must be.');
  return can;
}

/** @param size as `mount` has it, such as `4m` */
export function smallDisk(size: string): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'postrider-disk-'));
  if (!mount('-t', 'tmpfs', '-o', `size=${size},mode=777`, 'tmpfs', path)) {
    throw new Error(`${path} could not be mounted`);
  }
  return {
    path,
    grow(size) {
      if (!mount('-o', `remount,size=${size}`, path)) throw new Error(`${path} did not grow`);
    },
    remove() {
      spawnSync('umount', ['--lazy', path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function mount(...args: string[]): boolean {
  return spawnSync('mount', args).status === 0;
}
