import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { Counter, type Registry } from 'prom-client';
import { addGauge } from './metrics.ts';

const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

/**
 * The process itself, under the names that dashboards know. Not prom-client's own collection: that
 * watches the garbage collector with an observer which cannot be ended.
 *
 * @returns ends the watching
 */
export function addProcessGauges(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  let before = performance.eventLoopUtilization();
  addGauge(registry, 'nodejs_eventloop_lag_p99_seconds', 'Since the last scrape.', [], (set) => {
    set({}, delay.percentile(99) / NANOSECONDS);
    delay.reset();
  });
  addGauge(
    registry,
    'nodejs_eventloop_utilization',
    'Since the last scrape, 0 to 1.',
    [],
    (set) => {
      const now = performance.eventLoopUtilization();
      set({}, performance.eventLoopUtilization(now, before).utilization);
      before = now;
    },
  );
  addGauge(registry, 'process_resident_memory_bytes', 'Memory in use.', [], (set) =>
    set({}, process.memoryUsage.rss()),
  );
  addGauge(registry, 'nodejs_heap_size_used_bytes', 'Of the heap.', [], (set) =>
    set({}, process.memoryUsage().heapUsed),
  );
  addGauge(registry, 'process_start_time_seconds', 'Since 1970.', [], (set) =>
    set({}, performance.timeOrigin / 1000),
  );
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system.',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / MICROSECONDS);
    },
  });
  return () => delay.disable();
}
