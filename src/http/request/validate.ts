import { z } from 'zod';
import { type FieldError, Problem } from '../../api/problem.ts';
import type { Route } from '../../api/route.ts';

const MAX_ERRORS = 20;
const MAX_PATH_LENGTH = 200;

/** What a part of the request must be where the route says nothing of it: absent or empty. */
const NOTHING = z.strictObject({});

interface Input {
  params: unknown;
  query: unknown;
  /** `undefined`: no body came. */
  body: unknown;
}

/**
 * Checks all three parts by the route's schemas and answers what they make of them.
 *
 * @throws Problem 422 `invalid_request` with at most 20 errors, named `body.…`, `query.…`, `params.…`
 */
export function validate(route: Route, input: Input): Input {
  const issues: FieldError[] = [];
  const params =
    route.params === undefined ? input.params : part('params', route.params, input.params, issues);
  const query = part('query', route.query ?? NOTHING, input.query, issues);
  const body =
    input.body === undefined
      ? emptyBody(route.body, issues)
      : part('body', route.body ?? NOTHING, input.body, issues);
  if (issues.length > 0) throw problemWith(issues);
  return { params, query, body };
}

/** 422 for what a schema found; @param at where that which it looked at stands */
export function invalidRequest(
  issues: readonly z.core.$ZodIssue[],
  at: readonly PropertyKey[],
): Problem {
  return problemWith(fieldErrors(issues, at));
}

function problemWith(errors: FieldError[]): Problem {
  const [first] = errors;
  return new Problem(422, 'invalid_request', `${first?.path}: ${first?.message}`, {
    errors: errors.slice(0, MAX_ERRORS),
  });
}

function part(name: string, schema: z.ZodType, value: unknown, issues: FieldError[]): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  issues.push(...fieldErrors(parsed.error.issues, [name]));
  return undefined;
}

/** No body at all stands for `{}` where the schema can live with that. */
function emptyBody(schema: z.ZodType | undefined, issues: FieldError[]): unknown {
  if (schema === undefined) return undefined;
  for (const stand of [undefined, {}]) {
    const parsed = schema.safeParse(stand);
    if (parsed.success) return parsed.data;
  }
  issues.push({ path: 'body', message: 'A JSON body is required.' });
  return undefined;
}

/** zod's issues as the faults callers see, at most 20; each unknown field is one of its own. */
export function fieldErrors(
  issues: readonly z.core.$ZodIssue[],
  at: readonly PropertyKey[],
): FieldError[] {
  const errors: FieldError[] = [];
  for (const issue of issues) {
    const path = [...at, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        errors.push({ path: nameOf([...path, key]), message: 'Unknown field.' });
        if (errors.length === MAX_ERRORS) return errors;
      }
    } else {
      errors.push({ path: nameOf(path), message: messageOf(issue) });
    }
    if (errors.length === MAX_ERRORS) return errors;
  }
  return errors;
}

function nameOf(path: readonly PropertyKey[]): string {
  return path.map(String).join('.').slice(0, MAX_PATH_LENGTH);
}

function messageOf(issue: z.core.$ZodIssue): string {
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return isMissing ? 'Required.' : issue.message;
}
