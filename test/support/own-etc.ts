import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Files of /etc as one process is to see them. */
export interface OwnEtc {
  /** The command that has a program see them and nobody else: a mount namespace, which goes with it. */
  readonly under: readonly string[];
  remove(): void;
}

const MOUNT_ALL =
  'for file in "$0"/*; do mount --bind "$file" "/etc/$(basename "$file")" || exit 1; done; exec "$@"';

/** @param files contents by name; each of them must be there already */
export function ownEtc(files: Record<string, string>): OwnEtc {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-etc-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return {
    under: ['unshare', '--mount', 'sh', '-c', MOUNT_ALL, folder],
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** It takes root on Linux, and more in some containers. */
export function mayHaveOwnEtc(): boolean {
  const etc = ownEtc({ hosts: '127.0.0.1 own.test\n' });
  const [command = '', ...args] = [...etc.under, 'cat', '/etc/hosts'];
  const { stdout } = spawnSync(command, args, { encoding: 'utf8' });
  etc.remove();
  return stdout === '127.0.0.1 own.test\n';
}
