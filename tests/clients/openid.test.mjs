// The built-in server as a certified OpenID client library finds it, with every check of the library's on: discovery,
// the grants, id_tokens, userinfo, rotation, revocation, introspection, and each way in which a client proves itself.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';

import * as jose from 'jose';
import { Issuer, generators } from 'openid-client';

import { Browser, ask } from './browser.mjs';
import { gateway, tollgate } from './tollgate.mjs';

const BACK = 'https://portal.example/back?from=tollgate';
const API = `${gateway.issuer}/orgnews/1.0.0`;

let issuer;
let portal;

before(async () => {
  issuer = await Issuer.discover(gateway.issuer);
  portal = await client('Portal', {}, '--redirect-uri', BACK);
});

test('the discovery documents agree and every endpoint of theirs is there', async () => {
  const oauth = await Issuer.discover(`${gateway.issuer}/.well-known/oauth-authorization-server`);
  assert.deepEqual(oauth.metadata, issuer.metadata);
  for (const [name, url] of Object.entries(issuer.metadata)) {
    if (!name.endsWith('_endpoint') && name !== 'jwks_uri') continue;
    assert.ok(url.startsWith(`${gateway.issuer}/`), `${name} is ${url}`);
    assert.notEqual((await ask(url)).status, 404, name);
  }
});

test('an application has a token of its own and calls with it', async () => {
  const tokens = await portal.grant({ grant_type: 'client_credentials', scope: 'news_read' });
  assert.equal(tokens.token_type, 'Bearer');
  assert.equal(tokens.refresh_token, undefined);
  assert.ok(tokens.expires_in > 0 && tokens.scope.split(' ').includes('news_read'), tokens.scope);
  assert.equal(await status('/news', tokens), 200);
  assert.equal(await status('/statistics', tokens), 200);
});

test('access tokens are what RFC 9068 says, by another library', async () => {
  const { access_token } = await portal.grant({ grant_type: 'client_credentials' });
  const keys = jose.createRemoteJWKSet(new URL(issuer.jwks_uri));
  const { payload } = await jose.jwtVerify(access_token, keys, {
    algorithms: issuer.id_token_signing_alg_values_supported,
    issuer: gateway.issuer,
    requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
    typ: 'at+jwt',
  });
  assert.equal(payload.client_id, portal.client_id);
  assert.equal(payload.sub, portal.client_id);
});

test('somebody signs in, agrees, and is known to the application', async () => {
  const browser = new Browser();
  const tokens = await signIn(portal, browser, 'john', 'openid news_read news_write');
  assert.deepEqual(browser.pages.map((page) => page.status), [200, 200], 'a login page and a consent page');
  const claims = tokens.claims();
  assert.equal(claims.sub, 'john@carbon.super');
  const userinfo = await portal.userinfo(tokens);
  assert.deepEqual(userinfo, { sub: claims.sub, preferred_username: 'john' });
  assert.deepEqual(await portal.userinfo(tokens, { method: 'POST', via: 'body' }), userinfo);
  assert.equal(await status('/news', tokens), 200);
  assert.equal(await status('/news', tokens, 'POST'), 200);
});

test('a scope that the user has no role for is not granted, and its absence is named', async () => {
  const tokens = await signIn(portal, new Browser(), 'tom', 'openid news_read news_write');
  assert.equal(tokens.scope, 'openid news_read');
  const answer = await call('/news', tokens, 'POST');
  assert.equal(answer.status, 403);
  assert.match(answer.headers['www-authenticate'], /error="insufficient_scope".*scope="news_write"/);
});

test('whoever is signed in is not asked again, and prompt=none tells who is not', async () => {
  const browser = new Browser();
  await signIn(portal, browser, 'john', 'openid');
  const first = browser.pages.length;
  const again = await authorize(portal, { scope: 'openid', prompt: 'none', max_age: 600 }, (url) => browser.go(url, BACK));
  assert.equal(browser.pages.length, first, 'no page was shown');
  assert.equal(again.claims().sub, 'john@carbon.super');
  const stranger = new Browser();
  await assert.rejects(
    authorize(portal, { scope: 'openid', prompt: 'none' }, (url) => stranger.go(url, BACK)),
    { name: 'OPError', error: 'login_required' },
  );
});

test('a wrong password, a forged form and a refusal lead to no token', async () => {
  const browser = new Browser();
  let sent;
  const refusing = authorize(portal, { scope: 'openid' }, async (url) => {
    const login = await browser.go(url, BACK);
    const wrong = await browser.send(login, { username: 'john', password: 'john-guessed' }, BACK);
    assert.equal(wrong.status, 403);
    // The same form from a browser that it was not shown to.
    const forged = await new Browser().send(login, { username: 'john', password: 'john-demonstration' }, BACK);
    assert.equal(forged.status, 400);
    const consent = await browser.send(wrong, { username: 'john', password: 'john-demonstration' }, BACK);
    sent = await browser.send(consent, { decision: 'deny' }, BACK);
    return sent;
  });
  await assert.rejects(refusing, { name: 'OPError', error: 'access_denied' });
  assert.equal(sent.url.searchParams.get('code'), null);
});

test('a code is bound to its verifier and is used once', async () => {
  const wrong = authorize(portal, { scope: 'openid', verifier: generators.codeVerifier() }, pages(new Browser(), 'john'));
  await assert.rejects(wrong, { name: 'OPError', error: 'invalid_grant' });
  let used;
  const tokens = await authorize(portal, { scope: 'openid' }, pages(new Browser(), 'john'), (exchange) => (used = exchange));
  await assert.rejects(used(), { name: 'OPError', error: 'invalid_grant' });
  await assert.rejects(portal.userinfo(tokens), { error: 'invalid_token' }, 'what was issued for it ends, too');
});

test('a refresh token is used once; its second use ends the family', async () => {
  const first = await signIn(portal, new Browser(), 'john', 'openid news_read');
  const second = await portal.refresh(first);
  assert.ok(second.refresh_token && second.refresh_token !== first.refresh_token);
  assert.equal((await portal.userinfo(second)).sub, first.claims().sub);
  assert.equal(await status('/news', second), 200);
  const narrow = await portal.refresh(second.refresh_token, { exchangeBody: { scope: 'openid' } });
  assert.equal(narrow.scope, 'openid');
  await assert.rejects(portal.refresh(first.refresh_token), { name: 'OPError', error: 'invalid_grant' });
  await assert.rejects(portal.refresh(narrow.refresh_token), { name: 'OPError', error: 'invalid_grant' });
  for (const tokens of [first, second, narrow]) assert.equal(await status('/news', tokens), 401);
});

test('a revoked token is refused by the next request', async () => {
  const own = await portal.grant({ grant_type: 'client_credentials', scope: 'news_read' });
  assert.equal(await status('/news', own), 200);
  await portal.revoke(own.access_token, 'access_token');
  assert.equal(await status('/news', own), 401);
  assert.deepEqual(await portal.introspect(own.access_token), { active: false });
  const johns = await signIn(portal, new Browser(), 'john', 'openid news_read');
  await portal.revoke(johns.refresh_token, 'refresh_token');
  assert.equal(await status('/news', johns), 401);
  await portal.revoke('a token that nobody ever had');
});

test('introspection says what a token stands for', async () => {
  const tokens = await signIn(portal, new Browser(), 'john', 'openid news_read');
  const access = await portal.introspect(tokens.access_token, 'access_token');
  assert.equal(access.active, true);
  assert.deepEqual(
    [access.iss, access.client_id, access.sub, access.token_type, access.scope],
    [gateway.issuer, portal.client_id, 'john@carbon.super', 'Bearer', 'openid news_read'],
  );
  const refresh = await portal.introspect(tokens.refresh_token, 'refresh_token');
  assert.equal(refresh.active, true);
  assert.deepEqual(await portal.introspect('nonsense'), { active: false });
});

for (const method of ['client_secret_basic', 'client_secret_post']) {
  test(`a client proves itself by ${method}, whatever its secret is made of`, async () => {
    // Of bootstrap.toml: every character that an encoding could trip over.
    const metadata = { client_id: 'awkward+client%20/key', client_secret: `a+b%20&c=d?e#f"g'h~i/j` };
    const awkward = new issuer.Client({ ...metadata, token_endpoint_auth_method: method });
    await provesItself(awkward);
    const wrong = { ...metadata, client_secret: `${metadata.client_secret}x`, token_endpoint_auth_method: method };
    await assert.rejects(new issuer.Client(wrong).grant({ grant_type: 'client_credentials' }), { error: 'invalid_client' });
  });
}

for (const alg of ['ES256', 'EdDSA', 'PS256', 'RS256']) {
  test(`a client proves itself by private_key_jwt with ${alg}`, async () => {
    const [mine, other] = [await pair(alg), await pair(alg)];
    const file = join(gateway.conf, `${alg}.jwks.json`);
    await writeFile(file, JSON.stringify({ keys: [mine.public] }));
    const metadata = { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: alg };
    const signer = await client(`Signer ${alg}`, { ...metadata, jwks: mine.private }, '--jwks', file);
    assert.equal(signer.client_secret, undefined, 'there is no secret to keep');
    await provesItself(signer);
    const forger = new issuer.Client({ client_id: signer.client_id, ...metadata }, { keys: [other.private] });
    await assert.rejects(forger.grant({ grant_type: 'client_credentials' }), { error: 'invalid_client' });
    // The keys are replaced while the gateway runs: the next request knows.
    await writeFile(file, JSON.stringify({ keys: [other.public] }));
    await tollgate('app', 'keys', `Signer ${alg}`, '--jwks', file);
    await provesItself(forger);
    await assert.rejects(signer.grant({ grant_type: 'client_credentials' }), { error: 'invalid_client' });
  });
}

test('a public client has PKCE alone and cannot speak for its application', async () => {
  const phone = await client('Phone', { token_endpoint_auth_method: 'none' }, '--redirect-uri', BACK, '--public');
  const tokens = await signIn(phone, new Browser(), 'john', 'openid news_read');
  assert.equal(await status('/news', tokens), 200);
  assert.ok((await phone.refresh(tokens)).access_token);
  await assert.rejects(phone.grant({ grant_type: 'client_credentials' }), { error: 'unauthorized_client' });
});

test('an id_token is refused where an access token is asked for', async () => {
  const tokens = await signIn(portal, new Browser(), 'john', 'openid news_read');
  assert.equal(await status('/news', { access_token: tokens.id_token }), 401);
  await assert.rejects(portal.userinfo(tokens.id_token), { error: 'invalid_token' });
});

test('signing keys are rotated under a client that remembers them', async () => {
  const published = async () => JSON.parse((await ask(issuer.jwks_uri)).body).keys.map(({ kid }) => kid);
  const before = await signIn(portal, new Browser(), 'john', 'openid news_read');
  const known = await published();
  await tollgate('key', 'rotate');
  const [fresh, ...others] = (await published()).filter((kid) => !known.includes(kid));
  assert.ok(fresh && others.length === 0, 'one key is new');
  const after = await signIn(portal, new Browser(), 'john', 'openid news_read');
  for (const tokens of [before, after]) assert.equal(await status('/news', tokens), 200);
});

/** Makes an application and its keys as an operator does, subscribes it, and is its client. */
async function client(name, { jwks, ...metadata }, ...flags) {
  await tollgate('app', 'create', name, '--owner', 'newsdesk');
  const keys = await tollgate('app', 'keys', name, ...flags);
  await tollgate('app', 'subscribe', name, 'OrgNews', '1.0.0');
  const known = {
    client_id: keys.consumer_key,
    client_secret: keys.consumer_secret,
    redirect_uris: [BACK],
    response_types: ['code'],
    id_token_signed_response_alg: issuer.id_token_signing_alg_values_supported[0],
    ...metadata,
  };
  return new issuer.Client(known, jwks && { keys: [jwks] });
}

/** Asks for authorization, is led through pages, and exchanges the code that comes back. */
async function authorize(client, { verifier, ...asked }, walk, shown = () => {}) {
  const secret = generators.codeVerifier();
  const checks = { state: generators.state(), nonce: generators.nonce() };
  const url = client.authorizationUrl({
    ...asked,
    ...checks,
    code_challenge: generators.codeChallenge(secret),
    code_challenge_method: 'S256',
  });
  const { url: back } = await walk(url);
  assert.ok(back.href.startsWith(BACK), `led to ${back}`);
  const exchange = () =>
    client.callback(BACK, client.callbackParams(back.href), {
      ...checks,
      code_verifier: verifier ?? secret,
      max_age: asked.max_age,
      response_type: 'code',
    });
  shown(exchange);
  return exchange();
}

/** Signs in and agrees, as somebody in front of a browser. */
function pages(browser, user) {
  return async (url) => {
    const login = await browser.go(url, BACK);
    const consent = await browser.send(login, { username: user, password: `${user}-demonstration` }, BACK);
    return browser.send(consent, { decision: 'allow' }, BACK);
  };
}

function signIn(client, browser, user, scope) {
  return authorize(client, { scope }, pages(browser, user));
}

/** Proves itself at each endpoint that wants it. */
async function provesItself(client) {
  const { access_token } = await client.grant({ grant_type: 'client_credentials' });
  assert.equal((await client.introspect(access_token)).active, true);
  await client.revoke(access_token);
  assert.equal((await client.introspect(access_token)).active, false);
}

async function pair(alg) {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  const named = { kid: generators.random(8), use: 'sig', alg };
  return {
    private: { ...(await jose.exportJWK(privateKey)), ...named },
    public: { ...(await jose.exportJWK(publicKey)), ...named },
  };
}

function call(path, { access_token }, method = 'GET') {
  return ask(`${API}${path}`, { method, headers: { authorization: `Bearer ${access_token}` } });
}

async function status(path, tokens, method) {
  return (await call(path, tokens, method)).status;
}
