import { inBoth } from '../../kit/words.ts';

export const notificationsWords = inBoth(
  {
    title: 'Notifications',
    columns: {
      status: 'Status',
      order: 'Order',
      type: 'Type',
      merchant: 'Merchant',
      queue: 'Queue',
      accepted: 'Accepted',
      attempts: 'Attempts',
      id: 'Id',
    },
    empty: {
      title: 'Nothing yet',
      text: 'Notifications appear here as soon as a producer sends one.',
    },
  },
  {
    title: '通知',
    columns: {
      status: '状态',
      order: '订单号',
      type: '类型',
      merchant: '商户',
      queue: '队列',
      accepted: '受理时间',
      attempts: '尝试次数',
      id: '编号',
    },
    empty: { title: '暂无通知', text: '生产方发送通知后会立即显示在这里。' },
  },
);
