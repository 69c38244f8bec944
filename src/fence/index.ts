// What `import … from 'postrider/fence'` gives to participants of TCC transactions. It needs nothing
// of the gateway, nor any package.
export { type BranchCall, readBranchCall } from './call.ts';
export {
  FENCE_CLEANUP,
  FENCE_TABLE,
  type FenceAnswer,
  type FenceCall,
  type FenceOp,
  type FenceRefusal,
  type FenceSql,
  fence,
  pgFence,
  prismaFence,
} from './fence.ts';
export {
  type FenceOptions,
  fenceMiddleware,
  TryRefused,
} from './middleware.ts';
