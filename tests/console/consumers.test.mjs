// Applications, their keys, which are shown once, and blocking them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Tab, callGateway, launch, site } from './browser.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test('an application is made, subscribed, given a key, called with and blocked', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn();
  await tab.go('#/new-application', 'New application');
  await tab.type('Name', 'Kiosk');
  await tab.type('Owner', 'nobody');
  await tab.press('Make the application');
  await tab.sees('nobody', '.error:not(:empty)');
  await tab.type('Owner', 'newsdesk');
  await tab.press('Make the application');
  await tab.heading('Kiosk');

  await open(tab, 'Subscribe it to an API');
  await tab.type('API', 'OrgNews');
  await tab.type('Version', '1.0.0');
  await tab.press('Subscribe');
  await tab.sees('OrgNews 1.0.0', 'table');

  await open(tab, 'Make a consumer key');
  await tab.press('Make the key');
  await tab.page.waitForSelector('dialog[open]');
  const [key, secret] = await tab.page.$$eval('dialog .secret', (shown) => shown.map((one) => one.textContent));
  await tab.press('Done');
  await tab.sees(key, 'main');
  assert.ok(!(await tab.text('main')).includes(secret), 'the secret is shown once');

  const token = await tokenOf(key, secret);
  const call = () => callGateway('/orgnews/1.0.0/news', { headers: { authorization: `Bearer ${token}` } });
  assert.equal(await call(), 200);
  await tab.press('Block: Kiosk to OrgNews 1.0.0');
  await tab.page.waitForSelector('dialog[open]');
  await (await tab.page.$('dialog button.danger')).click();
  await tab.page.waitForSelector('td .badge.blocked');
  assert.notEqual(await call(), 200, 'the next call is refused');
  await tab.press('Unblock: Kiosk to OrgNews 1.0.0');
  await tab.page.waitForSelector('td .badge.unblocked');
  assert.equal(await call(), 200);

  await tab.go('#/apis/OrgNews?tab=subscribers', 'OrgNews');
  await tab.sees('Kiosk', 'table');
  await tab.go('#/audit', 'Audit');
  await tab.sees('subscription of Kiosk to OrgNews 1.0.0', 'table');
  assert.ok(!(await tab.text('main')).includes(secret));
  tab.quiet(422);
});

/** Opens what is folded. */
async function open(tab, summary) {
  await tab.page.$$eval('summary', (all, wanted) => { all.find((one) => one.textContent === wanted).parentElement.open = true; }, summary);
}

async function tokenOf(key, secret) {
  const response = await fetch(`${site.gateway}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'news_read' }),
  });
  assert.equal(response.status, 200);
  return (await response.json()).access_token;
}
