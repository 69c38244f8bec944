import type { AuditEntryView } from '../../features/audit/contract.ts';

export type { AuditEntryView };

export const AUDIT_LOG = '/v1/audit-log';
