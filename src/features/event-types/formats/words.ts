import type { EventTypeName } from '../catalogue.ts';
import type { Language } from './formats.ts';

type Words = Record<Language, string>;

const titles: Record<EventTypeName | 'endpoint.test', Words> = {
  'notification.failed': { en: 'Notifications have failed', zh: '通知投递失败' },
  'endpoint.disabled': { en: 'An endpoint was disabled', zh: '通知地址已停用' },
  'endpoint.failing': { en: 'An endpoint keeps failing', zh: '通知地址连续失败' },
  'endpoint.recovered': { en: 'An endpoint has recovered', zh: '通知地址已恢复' },
  'circuit.opened': { en: 'The circuit of an endpoint is open', zh: '通知地址已熔断' },
  'statement.ready': { en: 'A statement is ready', zh: '对账单已生成' },
  'reconciliation.finished': { en: 'A reconciliation has finished', zh: '对账已完成' },
  'differences.found': { en: 'A reconciliation has found differences', zh: '对账发现差异' },
  'message.suspended': { en: 'Messages are suspended', zh: '可靠消息已挂起，需人工处理' },
  'message.failed': { en: 'Consumers have failed messages', zh: '消费方处理消息失败' },
  'tcc.suspended': { en: 'Transactions are suspended', zh: 'TCC 事务已挂起，需人工处理' },
  'tcc.retrying': { en: 'Branches keep failing', zh: 'TCC 分支二阶段连续失败' },
  'tcc.conflict': { en: 'Branches refuse what was decided', zh: 'TCC 分支拒绝既定决议' },
  'endpoint.test': { en: 'A test of this endpoint', zh: '通知地址测试' },
};

/** What has happened, by type. */
export const TITLES: Record<string, Words | undefined> = titles;

/** The names of what is known, by the members of `data`. */
export const FIELDS: Record<string, Words | undefined> = {
  timestamp: { en: 'Time', zh: '时间' },
  merchantId: { en: 'Merchant', zh: '商户' },
  endpointId: { en: 'Endpoint', zh: '通知地址' },
  count: { en: 'Count', zh: '次数' },
  notificationId: { en: 'Notification', zh: '通知' },
  deliveryId: { en: 'Delivery', zh: '投递' },
  type: { en: 'Type', zh: '类型' },
  businessKey: { en: 'Business key', zh: '业务单号' },
  reason: { en: 'Reason', zh: '原因' },
  attemptCount: { en: 'Attempts', zh: '尝试次数' },
  percent: { en: 'Percent of what opens its circuit', zh: '距熔断阈值（%）' },
  from: { en: 'Recovered from', zh: '恢复前状态' },
  reconciliationId: { en: 'Reconciliation', zh: '对账批次' },
  date: { en: 'Date', zh: '账期' },
  timezone: { en: 'Time zone', zh: '时区' },
  status: { en: 'Status', zh: '状态' },
  recordCount: { en: 'Records', zh: '记录数' },
  matched: { en: 'Matched', zh: '一致笔数' },
  differenceCount: { en: 'Differences', zh: '差异笔数' },
  differences: { en: 'By kind', zh: '差异明细' },
  pendingCutoff: { en: 'Waiting for the day beside', zh: '日切待定笔数' },
  revision: { en: 'Revision', zh: '版本' },
  rowCount: { en: 'Rows', zh: '笔数' },
  totals: { en: 'Totals', zh: '汇总' },
  sha256: { en: 'SHA-256', zh: 'SHA-256' },
  path: { en: 'Fetch from', zh: '下载路径' },
  messageId: { en: 'Message', zh: '消息' },
  suspendedAt: { en: 'Suspended at', zh: '挂起时间' },
  consumer: { en: 'Consumer', zh: '消费方' },
  gid: { en: 'Transaction', zh: '全局事务' },
  producer: { en: 'Producer', zh: '主动方' },
  branchId: { en: 'Branch', zh: '分支' },
  decision: { en: 'Decision', zh: '决议' },
  failures: { en: 'Failures', zh: '失败次数' },
};
