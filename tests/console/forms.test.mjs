// What is wrong stands beside its field; what was changed meanwhile is told; what was typed stays.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Operator, Tab, launch } from './browser.mjs';

let browser;
let operator;
before(async () => {
  browser = await launch();
  operator = await Operator.signIn();
});
after(() => browser.close());

const DEMO = '/apis/Demo/versions/2.0';

test('violations stand beside their fields, and the first one has the focus', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn();
  await tab.go('#/apis/Demo?version=2.0', 'Demo');
  await tab.type('Scopes 1', 'nobody_has_it');
  await tab.type('Methods 2', 'FETCH');
  await tab.press('Save');
  await tab.page.waitForSelector('[aria-invalid="true"]');
  const told = await tab.page.$$eval('[aria-invalid="true"]', (fields) => fields.map((field) => [field.getAttribute('aria-label'), document.getElementById(field.getAttribute('aria-describedby').split(' ').at(-1)).innerText]));
  assert.ok(told.some(([name, text]) => name === 'Methods 2' && /FETCH/.test(text)), JSON.stringify(told));
  assert.equal(await tab.focused(), told[0][0]);
  assert.equal(await tab.value('Scopes 1'), 'nobody_has_it');

  await tab.type('Methods 2', 'GET, POST');
  await tab.press('Save');
  await tab.page.waitForFunction(() => /nobody_has_it/.test(document.querySelector('.error:not(:empty)')?.innerText));
  const [[name, text]] = await tab.page.$$eval('[aria-invalid="true"]', (fields) => fields.map((field) => [field.getAttribute('aria-label'), field.closest('.cell').querySelector('.error').innerText]));
  assert.equal(name, 'Scopes 1');
  assert.match(text, /nobody_has_it/);
  assert.deepEqual((await operator.ask('GET', DEMO)).resources[0].scopes ?? [], [], 'nothing is saved');
  tab.quiet(422);
});

test('what has no field is told above, with its place', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn();
  await tab.go('#/apis/Demo?version=2.0&tab=definition', 'Demo');
  await tab.paste('The version as JSON', '{ "version": "2.0", "rescources": [] }');
  await tab.press('Save');
  await tab.page.waitForSelector('.trouble li, .error:not(:empty)');
  assert.match(await tab.text('main'), /rescources/);
  await tab.paste('The version as JSON', '{ "version": ');
  await tab.press('Save');
  await tab.sees('JSON', '.error:not(:empty)');
  tab.quiet(422);
});

test('what was changed meanwhile is told, and both changes are saved', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn();
  await tab.go('#/apis/Demo?version=2.0', 'Demo');
  await tab.type('Methods 1', 'GET');
  const meanwhile = await operator.ask('GET', DEMO);
  meanwhile.resources[1].auth = 'any';
  await operator.ask('PUT', DEMO, meanwhile);
  await tab.press('Save');
  await tab.sees('This was changed meanwhile');
  assert.equal(await tab.focused(), 'Load the new state, keep what I typed');
  await tab.page.keyboard.press('Enter');
  await tab.sees('/resources/1/auth');
  assert.equal(await tab.value('Methods 1'), 'GET');
  await tab.press('Save');
  await tab.page.waitForSelector('dialog[open]');
  assert.match(await tab.text('dialog'), /GET,POST \/hello/, 'who calls what goes is asked about');
  await (await tab.page.$('dialog button.danger')).click();
  await tab.sees('The resources are saved.');
  const saved = await operator.ask('GET', DEMO);
  assert.deepEqual(saved.resources[0].methods, ['GET']);
  assert.equal(saved.resources[1].auth, 'any');
  tab.quiet(412);
});

test('leaving what is not saved is asked about', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn();
  await tab.go('#/tiers/subscription/Gold', 'Gold');
  await tab.type('Requests 1', '4000');
  await tab.press('Users', 'link');
  await tab.page.waitForSelector('dialog[open]');
  await tab.press('Cancel');
  assert.equal(await tab.value('Requests 1'), '4000');
  assert.match(tab.page.url(), /#\/tiers\/subscription\/Gold$/);
  await tab.press('Save');
  await tab.page.waitForSelector('dialog[open]');
  assert.match(await tab.text('dialog'), /version/, 'who counts in it is told');
  await (await tab.page.$('dialog button.primary')).click();
  await tab.sees('The tier is saved.');
  assert.equal((await operator.ask('GET', '/tiers/subscription/Gold')).limits[0].requests, 4000);
  tab.quiet();
});

test('scopes, tenants and tiers are made, changed and deleted', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn();
  await tab.go('#/new-scope', 'New scope');
  await tab.type('Key', 'parcels_read');
  await tab.type('Roles that grant it', 'clerk, manager');
  await tab.press('Make the scope');
  await tab.heading('parcels_read');
  assert.deepEqual((await operator.ask('GET', '/scopes/parcels_read')).roles, ['clerk', 'manager']);
  await tab.press('Delete the scope');
  await tab.page.waitForSelector('dialog[open]');
  await (await tab.page.$('dialog button.danger')).click();
  await tab.heading('Scopes');

  await tab.go('#/new-tenant', 'New tenant');
  await tab.type('Domain', 'Globex Example');
  await tab.press('Make the tenant');
  await tab.page.waitForSelector('[aria-invalid="true"]');
  await tab.type('Domain', 'globex.example');
  await tab.press('Make the tenant');
  await tab.heading('globex.example');

  await tab.go('#/new-tier', 'New tier');
  await tab.type('Name', 'Tin');
  await tab.type('Requests 1', '12');
  await tab.press('Make the tier');
  await tab.heading('Tin');
  assert.deepEqual((await operator.ask('GET', '/tiers/subscription/Tin')).limits, [{ requests: 12, per: '1m' }]);
  await tab.choose('What is beyond a quota', 'passes');
  await tab.press('Save');
  await tab.page.waitForSelector('dialog[open]');
  await (await tab.page.$('dialog button.primary')).click();
  await tab.sees('The tier is saved.');
  assert.equal((await operator.ask('GET', '/tiers/subscription/Tin')).stop_on_quota, false);
  assert.equal(await tab.value('What is beyond a quota', 'combobox'), 'passes');
  tab.quiet(422);
});
