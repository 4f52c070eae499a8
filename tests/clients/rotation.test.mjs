// A foreign issuer rotates its keys, and is stopped and started, while clients call a protected API with its tokens.
// Every call is counted, and none may fail.

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import https from 'node:https';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import * as jose from 'jose';
import { Issuer } from 'openid-client';

import { ask } from './browser.mjs';
import { gateway, needed } from './tollgate.mjs';

const ALGORITHMS = ['RS256', 'ES256', 'PS256', 'EdDSA', 'RS256', 'ES384'];
const WORKERS = 4;
const PAUSE = 15;
const NEWS = `${gateway.issuer}/orgnews/1.0.0/news`;
const address = needed('FOREIGN_ISSUER');

let issuer;
let client;
let fetched = 0;
let keys;

before(async () => {
  keys = await Promise.all(ALGORITHMS.map(pair));
  issuer = await start(keys.slice(0, 1));
  const found = await Issuer.discover(address);
  client = new found.Client({ client_id: 'steady', client_secret: 'of-the-steady-client', response_types: [] });
});

after(() => issuer.process.kill());

test('no call fails while the issuer rotates its keys, stops and starts', async (t) => {
  const traffic = new Traffic();
  try {
    await traffic.goesOn(20);
    for (const [old, next] of pairs(keys)) {
      await issuer.has([old, next]);
      await traffic.goesOn(10);
      await issuer.has([next, old]);
      await traffic.has((kid) => kid === next.kid);
      // The old key goes when nobody calls with its tokens any more.
      await issuer.has([next]);
      await traffic.goesOn(10);
      if (old === keys[1]) await outage(t, traffic);
    }
  } finally {
    await traffic.end();
  }
  const { calls, failures, tokens, kids, latest } = traffic;
  const jwks = fetched + (await issuer.asked()).jwks;
  t.diagnostic(`${calls} calls, ${failures.length} failures, ${tokens} tokens, ${keys.length - 1} rotations`);
  t.diagnostic(`keys fetched ${jwks} times; slowest call ${latest} ms`);
  assert.deepEqual(failures, []);
  assert.deepEqual([...kids], keys.map(({ kid }) => kid), 'every key signed tokens that were called with, in turn');
  assert.ok(calls > 500, `${calls} calls`);
  assert.ok(jwks <= keys.length * 2, `keys fetched ${jwks} times`);
});

test('a key that was withdrawn counts no more, and one that was never published never did', async () => {
  const [old, next, unknown] = [issuer.keys[0], await pair('ES256'), await pair('ES256')];
  const withdrawn = await token();
  assert.equal((await call(withdrawn)).status, 200);
  await issuer.has([next]);
  const signed = await token();
  assert.deepEqual([kid(withdrawn), kid(signed)], [old.kid, next.kid]);
  assert.equal((await call(signed)).status, 200);
  assert.equal((await call(withdrawn)).status, 401);
  for (const header of [{ kid: unknown.kid }, { kid: next.kid }, {}]) {
    const key = await jose.importJWK(unknown, 'ES256');
    const forged = new jose.SignJWT(jose.decodeJwt(signed)).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...header });
    assert.equal((await call(await forged.sign(key))).status, 401);
  }
});

test('a token that says nothing is asked about, until it is revoked', async () => {
  const opaque = await token('https://news.example/opaque');
  assert.equal(opaque.split('.').length, 1);
  assert.equal((await call(opaque)).status, 200);
  await client.revoke(opaque);
  for (const end = Date.now() + 5_000; (await call(opaque)).status !== 401; await sleep(50)) {
    assert.ok(Date.now() < end, 'what was said of it is not believed for ever');
  }
});

/** Stops the issuer under traffic, which goes on with tokens that the gateway has not seen, and starts it again. */
async function outage(t, traffic) {
  const stash = await Promise.all(Array.from({ length: WORKERS * 4 }, () => token()));
  const { keys: last, process } = issuer;
  await traffic.spends(stash);
  fetched += (await issuer.asked()).jwks;
  process.kill('SIGTERM');
  await once(process, 'exit');
  await assert.rejects(token(), /ECONN|hang up/);
  const before = traffic.calls;
  await traffic.goesOn(30);
  const spent = traffic.spent;
  issuer = await start(last);
  await traffic.spends(undefined);
  await traffic.goesOn(20);
  t.diagnostic(`stopped for ${traffic.calls - before} calls, which began ${spent} tokens that had not been seen`);
  assert.ok(spent >= WORKERS, `${spent} tokens`);
}

/** Clients that call without a break, each with tokens of its own, which it renews in time. */
class Traffic {
  calls = 0;
  failures = [];
  tokens = 0;
  kids = new Set();
  latest = 0;
  #asking = 0;
  #held = [];
  #isOver = false;
  #stash;
  spent = 0;
  #workers = Array.from({ length: WORKERS }, (_, number) => this.#work(number));

  /** Waits until so many calls of each client more were answered. */
  async goesOn(calls) {
    const until = this.calls + calls * WORKERS;
    await this.#wait(() => this.calls >= until, `${calls} calls`);
  }

  /** Waits until the token that each client holds is of such a key. */
  async has(is) {
    await this.#wait(() => this.#held.every((held) => is(kid(held))), 'tokens of another key');
  }

  /** Takes new tokens from here, one for a few calls, while the issuer has none. */
  async spends(stash) {
    this.#stash = stash;
    this.spent = 0;
    await this.#wait(() => this.#asking === 0, 'tokens that were asked for');
  }

  async end() {
    this.#isOver = true;
    await Promise.all(this.#workers);
  }

  async #work(number) {
    const agent = new https.Agent({ keepAlive: true });
    for (let turn = 0; !this.#isOver; turn += 1) {
      const held = this.#held[number];
      if (this.#stash ? turn % 10 === 0 : !held || age(held) > 1.5) await this.#renew(number);
      await this.#call(this.#held[number], agent);
      await sleep(PAUSE);
    }
    agent.destroy();
  }

  async #renew(number) {
    if (this.#stash) {
      const next = this.#stash.pop();
      if (!next) return;
      this.#held[number] = next;
      this.spent += 1;
    } else {
      this.#asking += 1;
      this.#held[number] = await token();
      this.#asking -= 1;
    }
    this.tokens += 1;
  }

  async #call(held, agent) {
    const begun = performance.now();
    try {
      const { status, body } = await call(held, agent);
      if (status !== 200) this.failures.push(`${status} ${body} ${kid(held)}, ${age(held)} s old`);
    } catch (error) {
      this.failures.push(`${error}`);
    }
    this.latest = Math.max(this.latest, Math.round(performance.now() - begun));
    this.kids.add(kid(held));
    this.calls += 1;
  }

  async #wait(holds, what) {
    for (const end = Date.now() + 20_000; !holds(); await sleep(5)) {
      assert.ok(Date.now() < end, `waited too long for ${what}: ${this.failures}`);
    }
  }
}

/** Starts the issuer with keys of which the first one signs. */
async function start(first) {
  const child = fork(new URL('issuer.mjs', import.meta.url), [address]);
  const tell = async (message) => {
    child.send(message);
    const [told] = await once(child, 'message');
    return told.asked;
  };
  const issuer = {
    process: child,
    keys: first,
    asked: () => tell({}),
    has: (keys) => tell({ keys: (issuer.keys = keys) }),
  };
  await issuer.has(first);
  return issuer;
}

async function token(resource = 'https://news.example') {
  const { access_token } = await client.grant({ grant_type: 'client_credentials', scope: 'news_read', resource });
  return access_token;
}

async function pair(alg, number = 'later') {
  const { privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  return { ...(await jose.exportJWK(privateKey)), kid: `${number}-${alg}-${Date.now()}`, use: 'sig', alg };
}

function pairs(list) {
  return list.slice(1).map((next, index) => [list[index], next]);
}

function call(held, agent) {
  return ask(NEWS, { agent, headers: { authorization: `Bearer ${held}` } });
}

function kid(held) {
  return jose.decodeProtectedHeader(held).kid;
}

function age(held) {
  return Date.now() / 1000 - jose.decodeJwt(held).iat;
}
