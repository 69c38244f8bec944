import { inBoth } from '../../kit/words.ts';

export const merchantsWords = inBoth(
  {
    title: 'Merchants',
    endpoints: 'Endpoints',
    columns: { name: 'Name', id: 'Id', created: 'Created', actions: 'Actions' },
    create: {
      open: 'New merchant',
      submit: 'Create',
      idHint: 'As your other systems call it; made when left out',
      idWrong: 'Letters, digits, _ and -',
      taken: 'There is a merchant with this id already.',
      made: 'Merchant {{id}}',
      about:
        'The key opens the API and this console. The secret signs what goes to addresses that orders carry along; each endpoint has a secret of its own.',
    },
    rename: { open: 'Rename', title: 'Rename {{id}}', submit: 'Save' },
    empty: {
      title: 'No merchants yet',
      text: 'A merchant receives notifications. Create one, hand over its key, and register an endpoint.',
    },
  },
  {
    title: '商户',
    endpoints: '端点',
    columns: { name: '名称', id: '编号', created: '创建时间', actions: '操作' },
    create: {
      open: '新建商户',
      submit: '创建',
      idHint: '与其他系统一致的编号；留空则自动生成',
      idWrong: '字母、数字、_ 和 -',
      taken: '已有此编号的商户。',
      made: '商户 {{id}}',
      about: '密钥用于 API 和本控制台。签名密钥用于随订单提供的地址；每个端点另有自己的密钥。',
    },
    rename: { open: '改名', title: '修改 {{id}} 的名称', submit: '保存' },
    empty: {
      title: '尚无商户',
      text: '商户接收通知。请新建商户，交付其密钥，并登记端点。',
    },
  },
);
