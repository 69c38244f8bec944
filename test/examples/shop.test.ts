import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const UNPAID = 'UNPAID | 100 + 0 frozen | 1190 + 0 pre-added';
const BEFORE = `before | ${UNPAID} | –`;
const TRIED = 'DEALING | 95 + 5 frozen | 1190 + 100 pre-added | UNKNOWN';
const CONFIRMED = 'after confirm | PAID | 95 + 0 frozen | 1290 + 0 pre-added | CREATED';
const CANCELLED = `after cancel | ${UNPAID} | CANCELED`;
/** Where a cancel may overtake its try, which then leaves nothing behind. */
const CANCELLED_EARLY = expect.stringMatching(
  /^after cancel \| UNPAID \| 100 \+ 0 frozen \| 1190 \+ 0 pre-added \| (CANCELED|–)$/,
);

/** Longer than the example gives itself. */
const LIMIT_MS = 660_000;

test(
  'the shop prints what each service holds in each phase, confirmed, cancelled, killed, rolled back and hanging',
  async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'examples/shop/main.ts'], {
      env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [said, complaints, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    expect({ code, complaints }).toEqual({ code: 0, complaints: '' });

    const rows = said
      .split('\n')
      .filter((line) => line.includes(' pre-added '))
      .map((line) => line.trim().split(/ {2,}/).join(' | '));
    const paid = [BEFORE, `after try | ${TRIED}`, CONFIRMED];
    const takenBack = [BEFORE, `after try | ${TRIED}`, CANCELLED];
    const noStock = [BEFORE, CANCELLED_EARLY];
    const killed = [BEFORE, `after try | ${TRIED}`, `dead | ${TRIED}`, CONFIRMED];
    const emptyRollback = [BEFORE, CANCELLED_EARLY];
    const hanging = [
      expect.stringContaining(`before | ${UNPAID}`),
      expect.stringContaining(`after the try | ${UNPAID}`),
    ];
    expect(rows).toEqual([
      ...paid,
      ...takenBack,
      ...noStock,
      ...killed,
      ...emptyRollback,
      ...hanging,
    ]);

    expect(said).toContain('try 200, answer lost → cancel 200');
    expect(said).toContain('try 409, refused by the fence');
    expect(said).toMatch(
      /no confirm was sent[\s\S]*check-back \d+: committed[\s\S]*completed\n.*bonus points 7/,
    );
  },
  LIMIT_MS,
);
