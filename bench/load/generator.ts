import { type LoadOrder, runLoad } from './run.ts';
import { openCaller } from './scripts.ts';
import { answerOrders } from './worker.ts';

// The load, in a process of its own, so that its work is seen apart from what it measures.

answerOrders(async (order: LoadOrder) => {
  const callers = await Promise.all(
    Array.from({ length: order.callers }, (_, n) => openCaller(order.script, order.target, n)),
  );
  try {
    return await runLoad(order, callers);
  } finally {
    await Promise.all(callers.map((caller) => caller.close()));
  }
});
