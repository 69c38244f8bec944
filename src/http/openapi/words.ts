import type { Tag } from '../../api/key-scope.ts';

/** Every `code` of a problem, by status. A test compares them with what the source throws. */
export const CODES: Record<number, Record<string, string>> = {
  400: {
    malformed_json: 'The body is not valid JSON.',
    malformed_request: 'This is not HTTP as we understand it.',
    incomplete_body: 'The connection closed within the body.',
    bad_request: 'The request is malformed in some other way.',
  },
  401: {
    unauthorized:
      'The key is missing, wrong, revoked, expired, or not to be used from this address.',
  },
  403: {
    forbidden: 'The key has another role.',
    out_of_scope:
      'The key’s role may do this, but its own scope leaves it out: a call, or a merchant.',
    csrf_required: 'A call by the console’s cookie came without its token.',
    cross_site: 'A call by the console’s cookie came from a page of another site.',
  },
  404: { not_found: 'Absent, or somebody else’s: the two cannot be told apart.' },
  405: { method_not_allowed: 'The address takes other methods; `Allow` names them.' },
  406: { not_acceptable: '`Accept` names none of the content types that are offered.' },
  408: { request_timeout: 'The request took too long to arrive.' },
  409: {
    request_in_progress: 'The first request of this Idempotency-Key is still being worked on.',
    event_conflict: 'The merchant’s `eventId` came before, with other content.',
    merchant_exists: 'There is a merchant with this id.',
    merchant_reserved: 'The id is one that would be taken for the gateway’s own.',
    too_many_endpoints: 'The merchant has as many endpoints as one may have.',
    too_many_queues: 'There are as many queues as there may be.',
    queue_not_empty: 'Deliveries of the queue are under way.',
    protocol_queue: 'The queue is kept for what the gateway itself sends.',
    queue_is_default: 'The queue `default` always exists.',
    already_delivered: 'It was delivered; `force` sends it again all the same.',
    delivery_in_flight: 'An attempt is under way.',
    endpoint_paused: 'The endpoint is paused, so that it cannot be tested.',
    endpoint_busy: 'The endpoint is tested already, or has as many attempts as it may have.',
    no_endpoint: 'No endpoint of the merchant listens to the type.',
    nothing_to_resend: 'There is no notification that could be sent.',
    already_handled: 'The difference was handled before.',
    secrets_overlap: 'The last rotation promised a time to the secret before it, which still runs.',
    keys_overlap:
      'The last rotation promised a time to the key’s text before it, which still runs.',
    key_replaced: 'The key was rotated: its new text alone rotates it again.',
    resend_ended: 'The bulk re-send is at its end.',
    too_many_resends: 'As many bulk re-sends are open as may be.',
    message_conflict: 'The producer has another message of this id.',
    already_confirmed: 'The message is confirmed: too late to cancel.',
    already_cancelled: 'The message is cancelled: too late to confirm.',
    not_suspended: 'The message is not suspended, so there is nothing to decide by hand.',
    not_deliverable: 'The message is not on its way.',
    ambiguous_delivery: 'The message has several deliveries, and none is named.',
    outcome_conflict: 'The message was completed with the other outcome.',
    transaction_conflict: 'The producer has another transaction, or branch, of this id.',
    transaction_decided: 'The transaction is decided and takes no more branches.',
    ambiguous_gid:
      'Several producers have a transaction of this gid: `?producer=` says whose is meant.',
    tries_pending: 'A try has not succeeded yet: too early to confirm.',
    timed_out: 'The transaction’s time was up before it was confirmed.',
    already_confirming: 'The transaction is confirmed: too late to cancel.',
    already_cancelling: 'The transaction is cancelled: too late to confirm.',
    not_decided: 'The transaction has not been decided yet.',
    branch_finished: 'The branch has done what was decided.',
    not_its_turn: 'A branch before this one has not finished.',
  },
  413: { payload_too_large: 'The body is larger than this address takes.' },
  415: { unsupported_media_type: 'The body is not JSON in UTF-8, or compressed.' },
  417: { expectation_failed: 'Only `100-continue` may be expected.' },
  422: {
    invalid_request: 'Well formed, but not valid; `errors` says where.',
    idempotency_key_reused: 'This Idempotency-Key came before, with another request.',
    unknown_merchant: 'There is no such merchant.',
    protocol_queue:
      'The queue is kept for what the gateway itself sends, or the rules would break its promise.',
    ambiguous_message: 'Several producers have a message of this id, and none is named.',
    unknown_queue: 'There is no such queue.',
    no_callback_secret: 'The key has no `callbackSecret`, which would sign the callback.',
    payload_too_large: 'One item of a batch is too large.',
    cursor_expired: 'The feed’s cursor is from before the database was restored: begin again.',
    duplicate_business_key: 'A business key stands twice in the list.',
    filter_too_wide: 'Counting what fits took too long.',
    too_many_matched: 'More deliveries fit than one bulk re-send takes on.',
  },
  429: {
    rate_limited: 'Too many requests of this key or address.',
    too_many_calls: 'Too many calls of this key or merchant wait for each other.',
    too_many_reconciliations: 'Lists of the merchant are being compared already.',
    too_many_records: 'The merchant’s lists of a day hold as many records as they may.',
    too_many_tests: 'The endpoint was tested often enough this minute.',
    too_many_streams: 'Too many live streams are open.',
  },
  431: { headers_too_large: 'The headers are too large.' },
  500: { internal_error: 'Our fault; the log has it under the `requestId`.' },
  503: {
    unavailable:
      'Try again when `Retry-After` says. A list that takes too long by itself will do so again: ask for less.',
  },
};

/** What the document says of each group. */
export const TAG_WORDS: Record<Tag | 'Service', string> = {
  Notifications: 'One business event for one merchant: accepted, stored, looked up.',
  Deliveries: 'A notification on its way to one endpoint, its attempts, and the next one by hand.',
  Recovery:
    'For whoever missed it: results by order number, confirmation by pull, statements of a day, and the comparison of lists.',
  Merchants: 'Who receives.',
  Endpoints: 'Where a merchant receives, with a secret and limits of its own.',
  Keys: 'Who may call.',
  Queues: 'Lanes and their rules: ladder, deadline, what counts as success.',
  Operations: 'How things are going, many re-sends at once, and who did what.',
  Messages: 'Reliable messages: prepared, confirmed after the producer’s own transaction.',
  Transactions: 'TCC: try, confirm and cancel over several services.',
  Service: 'Probes, metrics and this document.',
};

export const SECURITY = {
  type: 'http',
  scheme: 'bearer',
  description:
    'A key of one of three roles: `pr_operator_…`, `pr_producer_…` or `pr_merchant_…`. Operators make them with `POST /v1/keys`, the first one is made at the gateway’s own first start, or is `OPERATOR_KEY`. `x-roles` of an operation says whose keys it takes, `x-call` what a key that was made with `calls` needs.',
} as const;

export const DESCRIPTION = `Notifications that arrive: accepted once, delivered down a ladder of repeats, there to be asked for.

- **Times** are RFC 3339 in UTC, units stand in the names.
- **Lists** take \`limit\` and \`cursor\` and answer \`{data, nextCursor, hasMore}\`. Filters take several values with commas between them.
- **Repeats** of a POST are safe with an \`Idempotency-Key\`: the first answer comes again.
- **Headers** are listed with each answer: \`RateLimit-…\` tells how much a key has left, \`Retry-After\` when to return.
- **Requests** have a name, \`X-Request-Id\`: the caller’s own where it sends one, and every answer says it.
- **The console’s pages** call by a cookie in place of a key; all but GET then need \`X-CSRF-Token\`.
- **Webhooks** at the end are the calls that the gateway makes: to receivers, producers and participants. Each is a signed \`POST\`; the status of the answer says what follows. Redirects are not followed.
- **Errors** are \`application/problem+json\` (RFC 9457). Programs look at \`code\`, people at \`detail\`; \`requestId\` finds the log line.

<details><summary>All error codes</summary>

| status | code | when |
|---|---|---|
${Object.entries(CODES)
  .flatMap(([status, codes]) =>
    Object.entries(codes).map(([code, when]) => `| ${status} | \`${code}\` | ${when} |`),
  )
  .join('\n')}

</details>
`;
