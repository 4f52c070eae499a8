// An API from its OpenAPI document to its callers, and back.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Tab, callGateway, launch, site } from './browser.mjs';

const DOCUMENT = {
  openapi: '3.0.3',
  info: { title: 'Parcels', version: '1.0' },
  servers: [{ url: site.backend }],
  'x-wso2-basePath': '/parcels',
  paths: {
    '/hello': { get: { 'x-auth-type': 'None', responses: { 200: { description: 'Hello.' } } } },
    '/items': { get: { 'x-auth-type': 'Application', responses: { 200: { description: 'All.' } } } },
  },
};

let browser;
let directory;
before(async () => {
  browser = await launch();
  directory = await mkdtemp(join(tmpdir(), 'tollgate-console-'));
});
after(async () => {
  await browser.close();
  await rm(directory, { recursive: true });
});

test('an API is imported, published, called, protected and rolled back', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn();
  await tab.go('#/apis', 'APIs');
  await tab.press('New API', 'link');
  await tab.heading('New API');

  const file = join(directory, 'parcels.json');
  await writeFile(file, JSON.stringify(DOCUMENT));
  await (await tab.page.waitForSelector('input[type=file]')).uploadFile(file);
  await tab.page.waitForFunction(() => document.querySelector('textarea').value.includes('Parcels'));
  await tab.press('Import');
  await tab.page.waitForFunction(() => document.querySelector('h1').textContent === 'Parcels' || document.querySelector('.told a'));
  const notes = await tab.page.$('.told a');
  if (notes) await notes.click();
  await tab.heading('Parcels');
  assert.equal(await callGateway('/parcels/1.0/hello'), 404, 'what is created is not served');

  await tab.press('Publish');
  await tab.sees('is published now');
  assert.equal(await callGateway('/parcels/1.0/hello'), 200);
  assert.equal(await callGateway('/parcels/1.0/items'), 401);

  await tab.press('Resources', 'link');
  await tab.heading('Parcels');
  const auth = await rowOf(tab, '/hello', 'Auth');
  assert.equal(await tab.value(auth, 'combobox'), 'none');
  await tab.choose(auth, 'application');
  await tab.press('Save');
  await tab.sees('The resources are saved. Live as revision');
  assert.equal(await callGateway('/parcels/1.0/hello'), 401, 'the next call is refused');

  await tab.go('#/revisions', 'Revisions');
  const before = await tab.page.$$eval('tbody th a', (links) => links[1].textContent);
  await tab.go(`#/revisions/${before}`, `Revision ${before}`);
  await tab.press('Go back to this one');
  await tab.page.waitForSelector('dialog[open]');
  assert.match(await tab.text('dialog'), /GET \/hello of version 1\.0 of Parcels: auth/);
  const [confirm] = await tab.page.$$('dialog button');
  await confirm.click();
  await tab.heading('Revisions');
  await tab.sees(`Revision ${before} is served again`);
  assert.equal(await callGateway('/parcels/1.0/hello'), 200, 'and is let through again');

  const latest = await tab.page.$eval('tbody th a', (link) => link.textContent);
  await tab.go(`#/revisions/${latest}`, `Revision ${latest}`);
  await tab.sees('auth');
  assert.match(await tab.text('.diff'), /-auth = "application"\n\+auth = "none"/);
  tab.quiet();
});

test('a request is explained as curl writes it', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn();
  await tab.go('#/explain', 'Explain');
  await tab.paste('Paste a curl command, a token or a URL', `curl -sS -X GET \\\n  -H 'Accept: text/plain' "${site.gateway}/orgnews/1.0.0/news" -H "Authorization: Bearer a.b.c"`);
  assert.equal(await tab.value('URL, or its path'), `${site.gateway}/orgnews/1.0.0/news`);
  assert.equal(await tab.value('Header fields'), 'Accept: text/plain\nAuthorization: Bearer a.b.c');
  await tab.press('Explain');
  await tab.page.waitForSelector('.verdict');
  assert.match(await tab.text('.verdict'), /refused\s+401/);
  const steps = await tab.page.$$eval('.steps > li', (items) => items.map((item) => item.innerText));
  assert.ok(steps.length > 4 && steps.some((step) => /refused\s+authenticate/.test(step)), steps.join('\n'));
  await tab.paste('Paste a curl command, a token or a URL', '/demo/2.0/hello');
  await tab.press('Explain');
  await tab.page.waitForFunction(() => document.querySelector('.verdict .permitted'));
  tab.quiet();
});

test('the default version and the lifecycle move in the console', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn();
  await tab.go('#/apis/Demo?tab=default', 'Demo');
  await tab.type('In order of preference', '1.0, 2.0');
  await tab.press('Save');
  await tab.sees('Version 1.0 answers by default.');
  await tab.go('#/apis/Demo?tab=lifecycle&version=1.0', 'Demo');
  await tab.press('Block');
  await tab.page.waitForSelector('dialog[open]');
  assert.match(await tab.text('dialog'), /503, code 700700[^]*0 subscriptions/);
  await tab.page.keyboard.press('Escape');
  await tab.page.waitForFunction(() => !document.querySelector('dialog'));
  assert.equal(await tab.focused(), 'Block', 'the focus goes back');
  assert.equal(await callGateway('/demo/1.0/hello'), 200);
  await tab.press('Block');
  await tab.page.waitForSelector('dialog[open]');
  await (await tab.page.$('dialog button.danger')).click();
  await tab.sees('is blocked now');
  assert.equal(await callGateway('/demo/1.0/hello'), 503);
  tab.quiet();
});

/** The name of a column's control in the row of a resource. */
async function rowOf(tab, path, column) {
  const index = await tab.page.$$eval('tbody th input', (inputs, wanted) => inputs.findIndex((input) => input.value === wanted), path);
  assert.notEqual(index, -1, `no resource ${path}`);
  return `${column} ${index + 1}`;
}
