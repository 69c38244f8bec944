import { EVENT_TYPE_NAMES, EVENT_TYPES, type EventTypeName } from './catalogue.ts';

/** `endpoint.*` lets `endpoint.disabled` through. */
export function letsThrough(filters: readonly string[], type: string): boolean {
  return filters.some((filter) =>
    filter.endsWith('*') ? type.startsWith(filter.slice(0, -1)) : filter === type,
  );
}

/** The types that a filter means, of those that such an endpoint may hear. */
export function meant(filter: string, isOperators: boolean): EventTypeName[] {
  return EVENT_TYPE_NAMES.filter(
    (type) =>
      letsThrough([filter], type) && (isOperators || EVENT_TYPES[type].audience === 'merchants'),
  );
}
