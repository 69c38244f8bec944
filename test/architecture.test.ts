import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

/**
 * The floors of the house, lowest first. A room (a folder of src, or of one of those that only gather rooms) may
 * import from the floors below its own, never from its own or from above.
 */
const FLOORS: readonly (readonly string[])[] = [
  [
    'fence',
    'platform/coalesce',
    'platform/ids',
    'platform/json',
    'platform/secrets',
    'platform/time',
  ],
  ['platform/batch', 'platform/db'],
  ['platform/embedded-postgres', 'platform/log'],
  ['platform/backup'],
  // The engine. It knows none of the protocols above it.
  ['engine'],
  ['api'],
  ['features/event-types', 'features/exports', 'features/overview'],
  [
    'features/accounts',
    'features/alerts',
    'features/audit',
    'features/events',
    'features/metrics',
    'features/queues',
    'features/resends',
    'features/results',
    'features/statements',
  ],
  ['features/reconciliations', 'features/retention', 'features/statement-notices'],
  ['protocols/endpoint-test', 'protocols/notification', 'protocols/tcc'],
  ['protocols/message'],
  ['http'],
  ['config'],
  ['app'],
  ['demo', 'main'],
];
const GATHER_ROOMS = ['features', 'platform', 'protocols'];

/** Who may see less than all the floors below. */
const NARROWER: Record<string, readonly string[]> = {
  // Runs in the participants of a transaction, without us.
  fence: [],
  http: [
    'api',
    'platform/batch',
    'platform/db',
    'platform/ids',
    'platform/json',
    'platform/log',
    'platform/secrets',
  ],
  config: ['engine/http/addresses.ts', 'engine/http/target-list.ts', 'platform/secrets'],
  main: ['app', 'config', 'platform/log'],
  demo: ['app', 'config', 'protocols/notification'],
};

const ANYWHERE = /^/;
const NOWHERE = /$^/;
const HTTP = /^http\//;
const TIMERS = /^engine\/timers\//;
const SEND = /^engine\/http\/(send|destination|connections|tunnel)\.ts$/;

/** One library, one home: where each npm package, and some of Node's own, may be imported. */
const HOMES: Record<string, RegExp> = {
  '@prisma/adapter-pg': /^platform\/db\/client\.ts$/,
  bullmq: TIMERS,
  express: HTTP,
  'express-rate-limit': HTTP,
  helmet: HTTP,
  ioredis: TIMERS,
  'ipaddr.js': /^engine\/http\/addresses\.ts$/,
  'lru-cache': ANYWHERE,
  'node:child_process': /^platform\/embedded-postgres\//,
  'node:http': /^((http|demo)\/|engine\/http\/tunnel)/,
  'node:https': /^((http|demo)\/|engine\/http\/tunnel)/,
  pg: /^(platform\/(db|backup|embedded-postgres)\/|engine\/timers\/postgres\.ts$)/,
  // A logger is made by whoever starts a gateway; its type is everywhere.
  pino: /^(platform\/log\/\w+|demo\/stage)\.ts$/,
  'prom-client': /^features\/metrics\//,
  'typeid-js': /^platform\/ids\.ts$/,
  undici: SEND,
  // What comes from outside is checked at the door, before it gets to the engine or the database.
  zod: /^(?!platform\/|engine\/)/,
};
const CONSOLE_LIBRARIES = [
  '@mantine/core',
  '@mantine/hooks',
  '@mantine/notifications',
  '@tabler/icons-react',
  '@tanstack/react-query',
  'i18next',
  'react',
  'react-dom',
  'react-i18next',
  'react-router',
  'swagger-ui-dist',
  'uplot',
];
const TYPES_ANYWHERE = ['node:http', 'pino'];

const MAX_LINES = 300;
const RAW_SQL = ['$queryRaw', '$executeRaw', '$queryRawUnsafe', '$executeRawUnsafe'];
const STORE =
  /(^|\/)store(-[\w-]+)?\.ts$|\/store\/|-store\.ts$|^platform\/(db|backup|embedded-postgres)\//;

/** What does not keep a rule yet, or has a reason not to. Whoever mends one strikes it here. */
const EXCEPTIONS = {
  sql: {
    'fence/fence.ts': 'runs in the participants’ databases, through their own client',
    'protocols/notification/assign-skipped.ts': 'one statement made of three features’ parts',
    'protocols/notification/supersede.ts': 'locks and settles around the insert',
  },
  environment: {
    'app/command.ts': 'hands it to config.ts',
    'platform/embedded-postgres/process.ts': 'the PATH, for PostgreSQL’s programs',
  },
} satisfies Record<string, Record<string, string>>;

interface Import {
  from: string;
  /** A path in src, or the name of a package. */
  to: string;
  isPackage: boolean;
  isType: boolean;
}

interface Source {
  file: string;
  lines: number;
  imports: Import[];
  /** What is reached by a dot, such as `process.env`, `env`. */
  reached: Set<string>;
}

const everySource = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file) && !file.startsWith('platform/db/generated/'))
  .sort()
  .map(readSource);
/** A house of its own, in the browser: see below. */
const isConsole = (file: string) => file.startsWith('console/');
const consoleSources = everySource.filter(({ file }) => isConsole(file));
const sources = everySource.filter(({ file }) => !isConsole(file));
const imports = sources.flatMap((source) => source.imports);

function readSource(file: string): Source {
  const text = readFileSync(join('src', file), 'utf8');
  const source: Source = {
    file,
    lines: text.split('\n').length - 1,
    imports: [],
    reached: new Set(),
  };
  const add = (specifier: ts.Node | undefined, isType: boolean) => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const name = specifier.text;
    const isPackage = !name.startsWith('.');
    const to = isPackage ? packageOf(name) : normalize(join(dirname(file), name));
    source.imports.push({ from: file, to, isPackage, isType });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.isTypeOnly ?? false);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true);
    } else if (ts.isPropertyAccessExpression(node)) {
      source.reached.add(node.name.text);
      if (ts.isIdentifier(node.expression)) {
        source.reached.add(`${node.expression.text}.${node.name.text}`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2023));
  return source;
}

/** `@scope/name/deep/path` → `@scope/name`; Node's own keep their whole name. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** `engine/store/claim.ts` → `engine`; `features/audit/store.ts` → `features/audit`; `main.ts` → `main`. */
function moduleOf(file: string): string {
  const [first = file, second] = file.split('/');
  const room = GATHER_ROOMS.includes(first) ? `${first}/${second}` : first;
  return room.replace(/\.ts$/, '');
}

function floorOf(module: string): number {
  return FLOORS.findIndex((floor) => floor.includes(module));
}

describe('floors', () => {
  test('every module has one', () => {
    const homeless = [...new Set(sources.map(({ file }) => moduleOf(file)))].filter(
      (module) => floorOf(module) === -1,
    );
    expect(homeless, 'give these modules of src a place in FLOORS').toEqual([]);
  });

  test('imports look down, never up or sideways', () => {
    const wrong = imports
      .filter(({ isPackage, from, to }) => !isPackage && moduleOf(from) !== moduleOf(to))
      .filter(({ from, to }) => floorOf(moduleOf(to)) >= floorOf(moduleOf(from)))
      .map(({ from, to }) => {
        const below = FLOORS.slice(0, floorOf(moduleOf(from))).flat();
        return `${from} imports ${to}; below ${moduleOf(from)} are ${below.join(', ')}`;
      });
    expect(wrong).toEqual([]);
  });

  test('who needs little sees little', () => {
    const wrong = imports
      .filter(({ isPackage, from, to }) => !isPackage && moduleOf(from) !== moduleOf(to))
      .filter(({ from, to }) => {
        const visible = NARROWER[moduleOf(from)];
        return visible && !visible.includes(moduleOf(to)) && !visible.includes(to);
      })
      .map(({ from, to }) => {
        return `${from} imports ${to}; ${moduleOf(from)} may see ${NARROWER[moduleOf(from)]}`;
      });
    expect(wrong).toEqual([]);
  });

  test('no two files need each other to run', () => {
    expect(cycles()).toEqual([]);
  });
});

/** Node's own modules are everywhere unless HOMES says otherwise; a package needs a word there. */
function homeOf(name: string): RegExp {
  return HOMES[name] ?? (name.startsWith('node:') ? ANYWHERE : NOWHERE);
}

describe('libraries', () => {
  test('each has a home, and is imported nowhere else', () => {
    const wrong = imports
      .filter(({ isPackage, isType, to }) => isPackage && !(isType && TYPES_ANYWHERE.includes(to)))
      .filter(({ from, to }) => !homeOf(to).test(from))
      .map(
        ({ from, to }) => `${from} imports ${to}; its home is ${HOMES[to] ?? 'not in HOMES yet'}`,
      );
    expect(wrong).toEqual([]);
  });

  test('what participants import from us needs no package', () => {
    const wrong = imports
      .filter(({ from, to }) => moduleOf(from) === 'fence' && !/^(node:|fence)/.test(to))
      .map(({ from, to }) => `${from} imports ${to}`);
    expect(wrong).toEqual([]);
  });

  test('the generated client is seen by platform/db/client.ts alone', () => {
    const wrong = imports
      .filter(
        ({ from, to }) =>
          to.startsWith('platform/db/generated/') && from !== 'platform/db/client.ts',
      )
      .map(({ from, to }) => `${from} imports ${to}; take it from platform/db/client.ts`);
    expect(wrong).toEqual([]);
  });
});

describe('the console', () => {
  const imported = consoleSources.flatMap((source) => source.imports);

  test('sees of the gateway nothing but the types of its contracts, and the words of a delivery', () => {
    const wrong = imported
      .filter(({ isPackage, to }) => !isPackage && !isConsole(to))
      .filter(({ to }) => to !== 'engine/delivery.ts')
      .filter(({ isType, to }) => !isType || !/\/contract(-\w+)?\.ts$/.test(to))
      .map(({ from, to }) => `${from} imports ${to}`);
    expect(wrong).toEqual([]);
  });

  test('is seen by nothing', () => {
    const wrong = imports
      .filter(({ isPackage, to }) => !isPackage && isConsole(to))
      .map(({ from, to }) => `${from} imports ${to}`);
    expect(wrong).toEqual([]);
  });

  test('is made of few libraries', () => {
    const wrong = imported
      .filter(({ from }) => from !== 'console/vite.config.ts')
      .filter(({ isPackage, to }) => isPackage && !CONSOLE_LIBRARIES.includes(to))
      .map(({ from, to }) => `${from} imports ${to}`);
    expect(wrong).toEqual([]);
  });
});

describe('files', () => {
  test('statements stand in stores', () => {
    const wrong = sources
      .filter(({ file, reached }) => !STORE.test(file) && RAW_SQL.some((name) => reached.has(name)))
      .map(({ file }) => file);
    expect(wrong, 'a store is the place for SQL; strike from EXCEPTIONS what is mended').toEqual(
      Object.keys(EXCEPTIONS.sql).sort(),
    );
  });

  test('the environment is read in one place', () => {
    const wrong = sources
      .filter(({ reached }) => reached.has('process.env'))
      .map(({ file }) => file);
    expect(
      wrong,
      'config.ts is the place for settings; strike from EXCEPTIONS what is mended',
    ).toEqual(Object.keys(EXCEPTIONS.environment).sort());
  });

  test(`none is longer than ${MAX_LINES} lines`, () => {
    const long = everySource
      .filter(({ lines }) => lines > MAX_LINES)
      .map(({ file, lines }) => `${file} has ${lines}`);
    expect(long).toEqual([]);
  });
});

/** Cycles of imports that exist at run time: types leave nothing behind. */
function cycles(): string[] {
  const needs = new Map(
    sources.map(({ file, imports }) => [
      file,
      imports.filter(({ isPackage, isType }) => !isPackage && !isType).map(({ to }) => to),
    ]),
  );
  const found: string[] = [];
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      found.push([...path.slice(path.indexOf(file)), file].join(' → '));
      return;
    }
    if (finished.has(file)) return;
    for (const next of needs.get(file) ?? []) visit(next, [...path, file]);
    finished.add(file);
  };
  for (const file of needs.keys()) visit(file, []);
  return found;
}
