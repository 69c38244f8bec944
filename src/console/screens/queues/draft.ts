import type { Preset, Queue, Rules } from '../../api/queues.ts';
import { parseSpan, splitLadder, writeSpan } from './span.ts';

export interface Rung {
  /** Keeps its place in the page while others come and go. */
  id: number;
  /** As it is written: `15s`, or something that is no span yet. */
  text: string;
}

export const SUCCESS_KINDS = ['any', 'equals', 'json'] as const;
export const SCALAR_KINDS = ['text', 'number', 'true', 'false', 'null'] as const;
export const MAX_RUNGS = 64;

/** A queue's rules as they are being written. */
export interface Draft {
  preset: Preset | null;
  ladder: Rung[];
  deadline: string;
  jitterPercent: number | string;
  timeoutSeconds: number | string;
  success: {
    kind: (typeof SUCCESS_KINDS)[number];
    path: string;
    text: string;
    scalar: (typeof SCALAR_KINDS)[number];
  };
  supersede: boolean;
  maxInFlight: number | string;
  /** '' stands for none. */
  rate: number | string;
  concurrency: number | string;
}

/** The fields that make no sense yet. */
export type Fault = keyof Draft;

let lastId = 0;

/** @param before whose places the new ones take over, one by one */
export function toRungs(texts: readonly string[], before: readonly Rung[] = []): Rung[] {
  return texts.map((text, index) => {
    lastId += 1;
    return { id: before[index]?.id ?? lastId, text };
  });
}

export function draftOf(rules: Rules | Queue): Draft {
  const { success } = rules;
  return {
    preset: rules.preset,
    ladder: toRungs(rules.ladderSeconds.map(writeSpan)),
    deadline: writeSpan(rules.deadlineSeconds),
    // 0.07 * 100 is 7.000000000000001.
    jitterPercent: Number((rules.jitter * 100).toFixed(6)),
    timeoutSeconds: rules.timeoutMs / 1000,
    success: successDraft(success),
    supersede: rules.supersede,
    maxInFlight: rules.maxInFlightPerEndpoint,
    rate: rules.ratePerSecondPerEndpoint ?? '',
    concurrency: rules.concurrency,
  };
}

function successDraft({ body }: Rules['success']): Draft['success'] {
  const none = { path: 'code', text: 'SUCCESS', scalar: 'text' } as const;
  if (body === 'any') return { ...none, kind: 'any' };
  if ('equals' in body) return { ...none, kind: 'equals', text: body.equals };
  const { path, equals } = body.json;
  const isWord = equals === null || typeof equals === 'boolean';
  const scalar = isWord ? (`${equals}` as const) : typeof equals === 'number' ? 'number' : 'text';
  return { kind: 'json', path, text: isWord ? '' : String(equals), scalar };
}

/** Whoever writes a rung or a rule for success leaves the preset behind. */
export function leavesPreset(patch: Partial<Draft>): boolean {
  return patch.ladder !== undefined || patch.success !== undefined;
}

/** The rules that a draft stands for, and what is wrong with it; `rules` only where nothing is. */
export function rulesOf(draft: Draft): { rules: Rules | null; faults: Set<Fault> } {
  const ladderSeconds = draft.ladder.map(({ text }) => parseSpan(text));
  const deadlineSeconds = parseSpan(draft.deadline);
  const jitter = inRange(draft.jitterPercent, 0, 100);
  const timeoutSeconds = inRange(draft.timeoutSeconds, 0.1, 60);
  const success = successOf(draft.success);
  const maxInFlight = inRange(draft.maxInFlight, 1, 1000);
  const rate = draft.rate === '' ? 'none' : inRange(draft.rate, 0.001, 10_000);
  const concurrency = inRange(draft.concurrency, 1, 2000);
  const [first] = ladderSeconds;
  const isLadder =
    first !== undefined && ladderSeconds.length <= MAX_RUNGS && !ladderSeconds.includes(null);
  const isDeadline =
    deadlineSeconds !== null && deadlineSeconds > (first ?? 0) && deadlineSeconds <= 30 * 86_400;
  const known: [Fault, boolean][] = [
    ['ladder', isLadder],
    ['deadline', isDeadline],
    ['jitterPercent', jitter !== null],
    ['timeoutSeconds', timeoutSeconds !== null],
    ['success', success !== null],
    ['maxInFlight', maxInFlight !== null],
    ['rate', rate !== null],
    ['concurrency', concurrency !== null],
  ];
  const faults = new Set(known.flatMap(([name, isRight]) => (isRight ? [] : [name])));
  if (faults.size > 0) return { rules: null, faults };
  const rules = {
    preset: draft.preset,
    ladderSeconds: ladderSeconds as number[],
    deadlineSeconds: deadlineSeconds as number,
    jitter: Number(((jitter as number) / 100).toFixed(8)),
    timeoutMs: Math.round((timeoutSeconds as number) * 1000),
    success: success as Rules['success'],
    supersede: draft.supersede,
    maxInFlightPerEndpoint: maxInFlight as number,
    ratePerSecondPerEndpoint: rate === 'none' ? null : rate,
    concurrency: concurrency as number,
  };
  return { rules, faults };
}

function inRange(value: number | string, least: number, most: number): number | null {
  return typeof value === 'number' && value >= least && value <= most ? value : null;
}

function successOf(draft: Draft['success']): Rules['success'] | null {
  if (draft.kind === 'any') return { body: 'any' };
  if (draft.kind === 'equals') return { body: { equals: draft.text.trim() } };
  const path = draft.path.trim();
  if (!/^[\w$-]+(\.[\w$-]+)*$/.test(path)) return null;
  if (draft.scalar === 'text') return { body: { json: { path, equals: draft.text } } };
  if (draft.scalar !== 'number') {
    return { body: { json: { path, equals: JSON.parse(draft.scalar) as boolean | null } } };
  }
  const number = Number(draft.text);
  if (draft.text.trim() === '' || !Number.isFinite(number)) return null;
  return { body: { json: { path, equals: number } } };
}

/** A ladder written or pasted as one text. */
export function ladderFrom(text: string, before: readonly Rung[]): Rung[] {
  return toRungs(splitLadder(text), before);
}
