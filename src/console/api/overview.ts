import type { Overview } from '../../operations/overview/contract.ts';

export type { Overview };
export type WindowName = Overview['window'];
export type FailingEndpoint = Overview['failingEndpoints'][number];
