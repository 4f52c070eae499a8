// Who may only look is offered nothing else; who has one tenant sees no other.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Operator, Tab, launch } from './browser.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const EVERYWHERE = ['Overview', 'APIs', 'Scopes', 'Tiers', 'Tenants', 'Applications', 'Users', 'Revisions', 'Audit', 'API reference'];

test('a viewer looks at everything and is offered no change', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn('vera');
  const operator = await Operator.signIn();
  const [application] = (await operator.ask('GET', '/applications')).items;
  const pages = {
    '#/': 'Overview',
    '#/apis': 'APIs',
    '#/apis/Demo': 'Demo',
    '#/apis/Demo?tab=endpoints': 'Demo',
    '#/apis/Demo?tab=access': 'Demo',
    '#/apis/Demo?tab=cache': 'Demo',
    '#/apis/Demo?tab=lifecycle': 'Demo',
    '#/apis/Demo?tab=default': 'Demo',
    '#/apis/Demo?tab=definition': 'Demo',
    '#/apis/OrgNews?tab=subscribers': 'OrgNews',
    '#/scopes/news_read': 'news_read',
    '#/tiers/subscription/Gold': 'Gold',
    '#/tenants/acme.example': 'acme.example',
    [`#/applications/${application.uuid}`]: application.name,
    '#/users/tom': 'tom',
    '#/revisions/1': 'Revision 1',
  };
  for (const [hash, heading] of Object.entries(pages)) {
    await tab.go(hash, heading);
    const offered = await tab.page.$$eval('main button', (buttons) => buttons.filter((button) => !button.hidden).map((button) => button.textContent));
    assert.deepEqual(offered.filter((name) => name !== 'Compare'), [], hash);
  }
  tab.quiet();
});

test('a publisher of a tenant sees that tenant alone, and publishes there', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn('paula@acme.example');
  const places = await tab.page.$$eval('.side a', (links) => links.map((link) => link.textContent));
  assert.deepEqual(places, EVERYWHERE, 'explanations are for those who see every tenant');
  await tab.go('#/apis', 'APIs');
  assert.deepEqual(await tab.page.$$eval('tbody th', (cells) => cells.map((cell) => cell.textContent)), ['Acme Demo']);
  await tab.control('New API', 'link');
  await tab.go('#/apis/Acme%20Demo?tab=lifecycle', 'Acme Demo');
  await tab.control('Block', 'button');
  await tab.go('#/users', 'Users');
  assert.equal(await tab.page.$('main a.button'), null);
  await tab.go('#/apis/Demo?tenant=carbon.super', 'Not found');
  tab.quiet(404);
});
