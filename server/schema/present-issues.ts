import type { RawIssue } from './leaf.js';
import { IS_NULL, MISSING, NOT_OBJECT } from './leaf.js';
import { setOwn } from './set-own.js';

/** Reasons by field, nested like the fields, with list positions as keys: the value of "json" or "query" in a 422. */
export interface NestedReasons {
  [field: string]: string[] | NestedReasons;
}

const MAX_UNKNOWN_FIELDS = 1000;

// For zod's own schemas, which some routes use besides those of this directory.
const WRONG_TYPE: Readonly<Record<string, string>> = {
  array: 'Not a valid list.',
  record: 'Not a valid mapping type.',
  string: 'Not a valid string.',
  number: 'Not a valid number.',
  int: 'Not a valid integer.',
  boolean: 'Not a valid boolean.',
};

/** Translates zod's raw issues into marshmallow's texts, nested by field (section 0 of the v1 contract). */
export function presentIssues(issues: readonly RawIssue[]): NestedReasons {
  const errors: NestedReasons = {};
  for (const issue of issues) {
    const path = (issue.path ?? []).map(String);
    if (issue.code === 'unrecognized_keys') {
      const keys = issue['keys'] as string[];
      for (const key of keys.slice(0, MAX_UNKNOWN_FIELDS)) add(errors, [...path, key], 'Unknown field.');
    } else if (isWrongObject(issue, path)) {
      add(errors, [...path, '_schema'], NOT_OBJECT);
    } else {
      add(errors, path.length ? path : ['_schema'], reasonOf(issue));
    }
  }
  return errors;
}

// A body of the wrong type has the same reason for every schema; a nested null has the reason of any null field.
function isWrongObject(issue: RawIssue, path: readonly string[]): boolean {
  if (path.length === 0)
    return issue.input === null || typeof issue.input !== 'object' || Array.isArray(issue.input);
  const isType = issue.code === 'invalid_type' && issue['expected'] === 'object';
  return isType && issue.input !== null && issue.input !== undefined;
}

function reasonOf(issue: RawIssue): string {
  if (issue.message) return issue.message;
  if (issue.input === undefined) return MISSING;
  if (issue.input === null) return IS_NULL;
  if (issue.code === 'invalid_type') return WRONG_TYPE[String(issue['expected'])] ?? NOT_OBJECT;
  if (issue.code === 'too_small') return `Shorter than minimum length ${String(issue['minimum'])}.`;
  if (issue.code === 'too_big') return `Longer than maximum length ${String(issue['maximum'])}.`;
  return 'Invalid value.';
}

function add(errors: NestedReasons, path: readonly string[], reason: string): void {
  let node = errors;
  for (const step of path.slice(0, -1)) node = branchAt(node, step);
  const last = path.at(-1) ?? '_schema';
  const existing = Object.hasOwn(node, last) ? node[last] : undefined;
  if (existing === undefined) setOwn(node, last, [reason]);
  else if (Array.isArray(existing)) existing.push(reason);
  else add(existing, ['_schema'], reason);
}

// A field can have a reason of its own and reasons inside: its own is then under "_schema".
function branchAt(node: NestedReasons, step: string): NestedReasons {
  const existing = Object.hasOwn(node, step) ? node[step] : undefined;
  if (existing !== undefined && !Array.isArray(existing)) return existing;
  const branch: NestedReasons = existing ? { _schema: existing } : {};
  setOwn(node, step, branch);
  return branch;
}
