import { inBoth } from '../../kit/words.ts';

export const resendsWords = inBoth(
  {
    title: 'Bulk re-sends',
    new: 'New bulk re-send',
    state: {
      running: 'running',
      paused: 'paused',
      completed: 'completed',
      cancelled: 'cancelled',
      failed: 'failed',
    },
    progress: 'Progress',
    of: '{{done}} of {{all}}',
    andMore_one: 'and {{count}} more',
    andMore_other: 'and {{count}} more',
    columns: {
      job: 'Job',
      progress: 'Progress',
      filter: 'What',
      why: 'Why',
      who: 'Who',
      when: 'Started',
    },
    empty: {
      title: 'No bulk re-sends yet',
      text: 'When a receiver was down for long, send it all it missed: choose what, see how much it is, say why, and watch it go.',
    },
  },
  {
    title: '批量重发',
    new: '新建批量重发',
    state: {
      running: '进行中',
      paused: '已暂停',
      completed: '已完成',
      cancelled: '已取消',
      failed: '失败',
    },
    progress: '进度',
    of: '{{done}} / {{all}}',
    andMore_one: '等另外 {{count}} 个',
    andMore_other: '等另外 {{count}} 个',
    columns: {
      job: '任务',
      progress: '进度',
      filter: '内容',
      why: '原因',
      who: '操作人',
      when: '开始时间',
    },
    empty: {
      title: '暂无批量重发',
      text: '接收方长时间宕机后，可将错过的全部重发：选择范围，查看数量，填写原因，然后观察进度。',
    },
  },
);
