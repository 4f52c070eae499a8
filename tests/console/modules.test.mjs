// What the console's scripts do without a page: reading curl commands, merging what two people changed.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

const { claims, parse, split } = await load('curl.js');
const { differences, merge, write } = await load('merge.js');

test('words are split as a shell does', () => {
  assert.deepEqual(split(`a 'b c' "d \\"e\\" $f" g\\ h $'i\\n' \\\n j''k "" l"m"'n'`), ['a', 'b c', 'd "e" $f', 'g h', 'i\n', 'jk', '', 'lmn']);
});

test('curl commands are read', () => {
  const url = 'https://api.example/v1?x=1';
  for (const [command, wanted] of [
    [`curl ${url}`, { method: 'GET', url, headers: [] }],
    [`$ curl -sSXDELETE '${url}'`, { method: 'DELETE', url, headers: [] }],
    [`curl --request=PUT --url ${url} -H'A: b' --header "C: d"`, { method: 'PUT', url, headers: ['A: b', 'C: d'] }],
    [`curl -d a=b ${url}`, { method: 'POST', url, headers: ['Content-Type: application/x-www-form-urlencoded'] }],
    [`curl ${url} --data-raw '{"a":1}' -H 'content-type: application/json'`, { method: 'POST', url, headers: ['content-type: application/json'] }],
    [`curl -G -d y=2 ${url}`, { method: 'GET', url: `${url}&y=2`, headers: [] }],
    [`curl -I -o /dev/null -w '%{http_code}' ${url}`, { method: 'HEAD', url, headers: [] }],
    [`curl -u joe:s3cret -k ${url}`, { method: 'GET', url, headers: ['Authorization: Basic am9lOnMzY3JldA=='] }],
    [`curl -m 5 --retry 3 -b a=b ${url}`, { method: 'GET', url, headers: ['Cookie: a=b'] }],
  ]) {
    assert.deepEqual(parse(command), { ...wanted, isCommand: true }, command);
  }
});

test('tokens and URLs are told apart', () => {
  assert.deepEqual(parse('Authorization: Bearer abc.def.ghi'), { token: 'abc.def.ghi' });
  assert.deepEqual(parse(' abc.def.ghi\n'), { token: 'abc.def.ghi' });
  assert.deepEqual(parse('/demo/hello'), { url: '/demo/hello' });
  assert.deepEqual(parse('what is this'), {});
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  assert.deepEqual(claims(`${part({ alg: 'none' })}.${part({ sub: 'zoë' })}.x`), [{ alg: 'none' }, { sub: 'zoë' }]);
  assert.equal(claims('opaque'), null);
});

test('what was typed is kept, and what changed elsewhere is taken', () => {
  const base = { tier: 'A', list: ['x'], resources: [{ path: '/a', auth: 'any' }, { path: '/b' }, { path: '/c' }] };
  const mine = { tier: 'A', list: ['x', 'y'], resources: [{ path: '/a', auth: 'none' }, { path: '/b' }, { path: '/new' }] };
  const theirs = { tier: 'B', list: ['x'], resources: [{ path: '/a', auth: 'any', tier: 'T' }, { path: '/c' }, { path: '/also' }] };
  assert.deepEqual(merge(base, mine, theirs), {
    tier: 'B',
    list: ['x', 'y'],
    resources: [{ path: '/a', auth: 'none', tier: 'T' }, { path: '/new' }, { path: '/also' }],
  });
  assert.deepEqual(merge({ a: 1 }, { a: 1 }, {}), {});
  assert.deepEqual(merge({ a: 1 }, { a: 2 }, { a: 3 }), { a: 2 });
});

test('differences have their places', () => {
  assert.deepEqual(differences({ a: [{ b: 1 }], c: 1 }, { a: [{ b: 2 }], d: 1 }), [['/a/0/b', 1, 2], ['/c', 1, undefined], ['/d', undefined, 1]]);
  assert.deepEqual(differences([1], [1, 2]), [['/', [1], [1, 2]]]);
});

test('what is not stated leaves no empty table', () => {
  const document = { endpoints: { health: { path: '/up' } } };
  write(document, '/endpoints/health/path', undefined);
  assert.deepEqual(document, {});
  write(document, '/cache/mode', 'http');
  assert.deepEqual(document, { cache: { mode: 'http' } });
});

/** Loads a script of the console that imports no other; older Nodes take a `.js` file for something else. */
async function load(name) {
  const text = await readFile(new URL(`../../admin/console/${name}`, import.meta.url));
  return import(`data:text/javascript;base64,${text.toString('base64')}`);
}
