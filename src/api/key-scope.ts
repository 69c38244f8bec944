/** The groups of the API's operations, in the order in which one reads them. */
export const TAGS = [
  'Notifications',
  'Deliveries',
  'Recovery',
  'Merchants',
  'Endpoints',
  'Keys',
  'Queues',
  'Operations',
  'Messages',
  'Transactions',
] as const;

export type Tag = (typeof TAGS)[number];

/** What a key may be narrowed to: a group, and whether the call changes something. */
export type CallName = `${Lowercase<Tag>}:${'read' | 'write'}`;

/** All of them. Both halves of a group have to be named where both are meant. */
export const CALLS: readonly CallName[] = TAGS.flatMap((tag) => {
  const group = tag.toLowerCase() as Lowercase<Tag>;
  return [`${group}:read`, `${group}:write`] as const;
});

/** The name of an operation's kind. Made of what the operation says of itself, so that none can be forgotten. */
export function callName(tag: Tag, isChange: boolean): CallName {
  return `${tag.toLowerCase() as Lowercase<Tag>}:${isChange ? 'write' : 'read'}`;
}
