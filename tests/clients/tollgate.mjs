// The gateway under test, as its operator has it: where it is, and its command line.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The addresses of the gateway, and the directory of its configuration. */
export const gateway = {
  binary: needed('GATEWAY_BINARY'),
  conf: needed('GATEWAY_CONF'),
  issuer: needed('GATEWAY_ISSUER'),
};

/** Runs a command of the operator's and returns what it says as JSON. */
export async function tollgate(...words) {
  const { stdout } = await run(gateway.binary, [...words, '--conf', gateway.conf, '--format', 'json']);
  return JSON.parse(stdout);
}

export function needed(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is set; \`cargo test --test clients\` does`);
  return value;
}
