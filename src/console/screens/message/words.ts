import { inBoth } from '../../kit/words.ts';

export const messageWords = inBoth(
  {
    title: 'Message {{order}}',
    back: 'To all messages',
    phase: {
      label: 'Phases',
      prepared: 'Prepared',
      undecided: 'Not decided yet',
      nextCheck: 'check-back {{number}}',
      checking: 'a check-back is under way',
      suspended: 'Suspended',
      people: 'somebody has to decide',
      confirmed: 'Confirmed',
      cancelled: 'Cancelled',
      delivering: 'Being delivered',
      delivered: 'Delivered',
      never: 'nothing is sent',
      nobody: 'no endpoint listens',
      reached: '{{reached}} of {{all}} reached',
      dead_one: '{{count}} given up',
      dead_other: '{{count}} given up',
      nextAttempt: 'next attempt',
      completed: 'Completed',
      failed: 'Processing failed',
      awaiting: 'waits for the consumer’s word',
    },
    by: { producer: 'by the producer', check: 'by a check-back', operator: 'by an operator' },
    checks: {
      title: 'Check-backs',
      number: 'Check-back {{number}}',
      left: '{{used}} of {{all}} answers were unknown',
      none: 'It was decided before the first one.',
    },
    answer: {
      committed: 'committed',
      rolled_back: 'rolled back',
      unknown: 'unknown',
      working: 'still working',
      silent: 'no answer',
    },
    deliveries: {
      title: 'Deliveries',
      attempts: 'Every attempt',
      notYet: 'Nothing is sent before it is confirmed.',
      nobody: 'No endpoint of this merchant listens to it.',
      next: 'next attempt',
      again: 'sent again, unless completed,',
      completed: 'completed',
      by: 'by {{consumer}}',
    },
    facts: {
      label: 'About it',
      id: 'Message id',
      producer: 'Producer',
      merchant: 'Merchant',
      type: 'Type',
      event: 'Event id',
      checkUrl: 'Asked at',
      checkAfter: 'First after',
      completion: 'Completion',
      reason: 'Why decided',
      prepared: 'Prepared',
      suspended: 'Suspended',
      notification: 'Notification',
    },
    completion: {
      http: 'by a 2xx of the receiver',
      explicit: 'by the consumer’s own call; sent again after {{time}} without',
    },
    parked: {
      title: 'Suspended: somebody has to decide',
      text_one:
        'Its producer was asked {{count}} time and never said how its transaction ended. It is not rolled back by itself: ask once more, or look into the producer’s books and decide.',
      text_other:
        'Its producer was asked {{count}} times and never said how its transaction ended. It is not rolled back by itself: ask once more, or look into the producer’s books and decide.',
    },
    act: {
      recheck: 'Ask again',
      askNow: 'Ask now',
      confirm: 'Confirm by hand',
      cancel: 'Cancel by hand',
    },
    whyNot: {
      tooEarly:
        'Before the first check-back is due, the producer’s transaction may still be under way.',
      asking: 'A check-back is under way.',
    },
    ask: {
      suspended: {
        recheck: {
          title: 'Ask the producer again?',
          text: 'The check-backs begin anew, with a day of their own. Until one of them is answered, nothing is decided.',
        },
        confirm: {
          title: 'Confirm this message by hand?',
          text: 'It is delivered. Only do this where the producer’s transaction has committed: it cannot be taken back.',
        },
        cancel: {
          title: 'Cancel this message by hand?',
          text: 'It is never delivered. Only do this where the producer’s transaction was rolled back: it cannot be taken back.',
        },
      },
      prepared: {
        recheck: {
          title: 'Ask the producer now?',
          text: 'One check-back at once. The others come when they are due.',
        },
        confirm: {
          title: 'Confirm for the producer?',
          text: 'The producer has not spoken yet, and may still roll back. Only do this where its transaction has committed. The API keeps no reason for it.',
        },
        cancel: {
          title: 'Cancel for the producer?',
          text: 'The producer has not spoken yet, and may still commit. Only do this where its transaction was rolled back. The API keeps no reason for it.',
        },
      },
    },
    done: {
      recheck: 'Asked for. The answer shows below in a moment.',
      confirm: 'Confirmed.',
      cancel: 'Cancelled.',
    },
  },
  {
    title: '可靠消息 {{order}}',
    back: '返回可靠消息列表',
    phase: {
      label: '阶段',
      prepared: '已预发（半消息）',
      undecided: '待确认',
      nextCheck: '第 {{number}} 次回查：',
      checking: '正在回查',
      suspended: '已挂起',
      people: '需人工裁决',
      confirmed: '已确认',
      cancelled: '已回滚',
      delivering: '投递中',
      delivered: '已投递',
      never: '不会发送',
      nobody: '没有端点监听',
      reached: '已到达 {{reached}} / {{all}}',
      dead_one: '{{count}} 个已放弃',
      dead_other: '{{count}} 个已放弃',
      nextAttempt: '下一次尝试：',
      completed: '已完成',
      failed: '处理失败',
      awaiting: '等待消费方确认完成',
    },
    by: { producer: '由生产方', check: '由回查结果', operator: '由运营人工' },
    checks: {
      title: '回查记录',
      number: '第 {{number}} 次回查',
      left: '已有 {{used}} 次应答为“未知”，上限 {{all}} 次',
      none: '在首次回查之前已有结论。',
    },
    answer: {
      committed: '已提交',
      rolled_back: '已回滚',
      unknown: '未知',
      working: '仍在处理',
      silent: '无应答',
    },
    deliveries: {
      title: '投递',
      attempts: '查看全部尝试',
      notYet: '确认之前不会发送。',
      nobody: '该商户没有端点监听此类型。',
      next: '下一次尝试：',
      again: '若未确认完成，再次发送：',
      completed: '完成于',
      by: '由 {{consumer}}',
    },
    facts: {
      label: '基本信息',
      id: '消息编号',
      producer: '生产方',
      merchant: '商户',
      type: '类型',
      event: '事件编号',
      checkUrl: '回查地址',
      checkAfter: '首次回查',
      completion: '完成方式',
      reason: '裁决原因',
      prepared: '预发时间',
      suspended: '挂起时间',
      notification: '通知',
    },
    completion: {
      http: '接收方应答 2xx 即完成',
      explicit: '消费方显式确认完成；{{time}}内未确认则再次发送',
    },
    parked: {
      title: '已挂起：需人工裁决',
      text_one:
        '已向生产方回查 {{count}} 次，仍不知其本地事务结果。系统不会自行回滚：请再次回查，或核对生产方账务后裁决。',
      text_other:
        '已向生产方回查 {{count}} 次，仍不知其本地事务结果。系统不会自行回滚：请再次回查，或核对生产方账务后裁决。',
    },
    act: {
      recheck: '重新回查',
      askNow: '立即回查',
      confirm: '人工确认',
      cancel: '人工回滚',
    },
    whyNot: {
      tooEarly: '首次回查到期之前，生产方的本地事务可能仍在执行。',
      asking: '正在回查。',
    },
    ask: {
      suspended: {
        recheck: {
          title: '重新回查生产方？',
          text: '回查从头开始，期限重新计为一天；得到明确应答之前不会有结论。',
        },
        confirm: {
          title: '人工确认此消息？',
          text: '消息将被投递。仅当生产方本地事务确已提交时才可确认，确认后无法撤回。',
        },
        cancel: {
          title: '人工回滚此消息？',
          text: '消息将永不投递。仅当生产方本地事务确已回滚时才可执行，执行后无法撤回。',
        },
      },
      prepared: {
        recheck: { title: '立即回查生产方？', text: '马上回查一次，其余回查仍按计划进行。' },
        confirm: {
          title: '代生产方确认？',
          text: '生产方尚未表态，仍可能回滚。仅当其本地事务确已提交时才可确认。此操作的 API 不记录原因。',
        },
        cancel: {
          title: '代生产方回滚？',
          text: '生产方尚未表态，仍可能提交。仅当其本地事务确已回滚时才可执行。此操作的 API 不记录原因。',
        },
      },
    },
    done: {
      recheck: '已提交，应答稍后显示在下方。',
      confirm: '已确认。',
      cancel: '已回滚。',
    },
  },
);
