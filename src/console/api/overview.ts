import type { Overview } from '../../features/overview/contract.ts';

export type { Overview };
export type WindowName = Overview['window'];
export type FailingEndpoint = Overview['failingEndpoints'][number];
