// What the Node.js clients' programs share: how scenarios are run and reported, and how a member speaks to the runner.

import { randomUUID } from 'node:crypto';

export const BASE_TIME = 1_700_000_000_000;
export const PATIENCE_MS = 30_000;
export const cutAddress = process.env.CUT_ADDRESS;
export const isMember = process.argv[2] === 'member';
export const bootstrap = process.argv[isMember ? 3 : 2];

// The client itself cannot do something; the message says why.
export class Unsupported extends Error {}

export const cannot = (why) => async () => { throw new Unsupported(why); };

export const unique = (what) => `${what}-${randomUUID()}`;

export const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

export const text = (value) => (value === null || value === undefined ? null : value.toString());

export const records = Array.from({ length: 500 }, (_, n) => ({ key: `k${n}`, value: `value ${n} `.repeat(20), timestamp: BASE_TIME + n }));

export function check(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

// Waits until `condition` holds; `otherwise` says what was waited for.
export async function until(condition, otherwise) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    check(Date.now() < deadline, otherwise());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// The error that `action` ends with.
export async function raised(action) {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error('an error was expected');
}

// Resolves when the runner ends this member's standard input: leave the group.
export const told = () => new Promise((resolve) => process.stdin.resume().on('end', resolve));

// Gives a function that says what a member owns, whenever that changes.
export function assigned() {
  let said;
  return (partitions) => {
    const now = [...partitions].sort((a, b) => a - b);
    if (JSON.stringify(now) === said) return;
    said = JSON.stringify(now);
    say({ assigned: now });
  };
}

// Runs a member of a group, or the scenarios that the command line names.
export async function main(scenarios, member) {
  if (isMember) {
    const [topic, group, assignor, instance] = process.argv.slice(4);
    try {
      await member(topic, group, assignor, instance);
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      say({ unsupported: error.message });
    }
    process.exit(0);
  }
  const names = process.argv.slice(3);
  for (const name of names.length ? names : Object.keys(scenarios)) {
    let said;
    try {
      check(scenarios[name], 'this program has no such scenario');
      said = { result: 'passed', answer: await scenarios[name]() };
    } catch (error) {
      said = { result: error instanceof Unsupported ? 'unsupported' : 'failed', why: error instanceof Unsupported ? error.message : `${error.stack} ${JSON.stringify((error.errors ?? []).map(String))}` };
    }
    say({ scenario: name, ...said });
  }
  process.exit(0);
}
