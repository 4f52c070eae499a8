// Every page, in light and dark, at the width of a phone and of a desk: no complaint, nothing beyond the edge, text that
// can be read, and what axe finds.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { Operator, Tab, callGateway, launch, site } from './browser.mjs';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser;
let pages;
before(async () => {
  browser = await launch();
  const operator = await Operator.signIn();
  const [application] = (await operator.ask('GET', '/applications')).items;
  const version = await operator.ask('GET', '/apis/Demo/versions/2.0');
  await operator.ask('PUT', '/apis/Demo/versions/2.0', { ...version, tier: '10KPerMin' });
  for (const path of ['/demo/hello', '/demo/2.0/status/503', '/orgnews/1.0.0/news']) await callGateway(path);
  const tabs = ['resources', 'endpoints', 'access', 'cache', 'lifecycle', 'subscribers', 'default', 'definition'];
  pages = [
    ['#/', 'Overview'],
    ['#/apis', 'APIs'],
    ...tabs.map((tab) => [`#/apis/OrgNews?tab=${tab}`, 'OrgNews']),
    ['#/apis/Demo', 'Demo'],
    ['#/apis/Demo/new-version?from=2.0', 'New version of Demo'],
    ['#/new-api', 'New API'],
    ['#/scopes', 'Scopes'],
    ['#/scopes/news_read', 'news_read'],
    ['#/new-scope', 'New scope'],
    ['#/tiers', 'Tiers'],
    ['#/tiers/subscription/Gold', 'Gold'],
    ['#/new-tier', 'New tier'],
    ['#/tenants', 'Tenants'],
    ['#/tenants/acme.example', 'acme.example'],
    ['#/new-tenant', 'New tenant'],
    ['#/applications', 'Applications'],
    [`#/applications/${application.uuid}`, application.name],
    ['#/new-application', 'New application'],
    ['#/users', 'Users'],
    ['#/users/tom', 'tom'],
    ['#/new-user', 'New user'],
    ['#/explain', 'Explain'],
    ['#/revisions', 'Revisions'],
    ['#/revisions/2', 'Revision 2'],
    ['#/audit', 'Audit'],
    ['#/reference', 'API reference'],
    ['#/account', 'Account'],
    ['#/nowhere', 'Not found'],
  ];
});
after(() => browser.close());

for (const [scheme, width] of [['light', 1280], ['dark', 1280], ['dark', 360]]) {
  test(`every page can be read in ${scheme} at ${width} pixels`, async () => {
    const tab = await Tab.open(browser, { width, scheme });
    await examine(tab, 'the way in');
    await tab.signIn();
    for (const [hash, heading] of pages) {
      await tab.go(hash, heading);
      await examine(tab, hash);
    }
    await tab.go('#/explain', 'Explain');
    await tab.type('URL, or its path', '/orgnews/1.0.0/news');
    await tab.press('Explain');
    await tab.page.waitForSelector('.verdict');
    await examine(tab, 'an explanation');
    await tab.go('#/apis/Demo?tab=lifecycle', 'Demo');
    await tab.press('Block');
    await tab.page.waitForSelector('dialog[open]');
    await examine(tab, 'a question');
    tab.quiet();
  });
}

test('every place is found from the first page, and no link leads nowhere', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn();
  const [seen, left] = [new Set(), ['#/']];
  while (left.length) {
    const hash = left.pop();
    if (seen.has(hash)) continue;
    seen.add(hash);
    await tab.page.evaluate((to) => { location.hash = to; }, hash);
    await tab.page.waitForFunction((to) => location.hash === to && document.querySelector('main:not([aria-busy]) h1') && !document.querySelector('[aria-busy="true"]'), {}, hash);
    const heading = await tab.text('h1');
    assert.ok(heading !== 'Not found' && !heading.startsWith('It could not'), `${hash}: ${heading}`);
    const links = await tab.page.$$eval('a[href^="#/"]', (all) => all.map((link) => link.getAttribute('href')));
    // One of each kind: versions and tabs of one API stand for those of the others.
    left.push(...links.filter((link) => !/#\/(revisions\/\d|users\/\w)/.test(link) || seen.size < 40));
    if (seen.size > 120) break;
  }
  for (const place of ['#/apis', '#/scopes', '#/tiers', '#/tenants', '#/applications', '#/users', '#/explain', '#/revisions', '#/audit', '#/reference', '#/account']) {
    assert.ok(seen.has(place), place);
  }
  tab.quiet();
});

test('the colours are chosen, and stay chosen', async () => {
  const tab = await Tab.open(browser, { scheme: 'light' });
  await tab.signIn();
  const ground = () => tab.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await tab.press('Dark');
  const dark = await ground();
  assert.notEqual(dark, light);
  await tab.page.reload();
  await tab.heading('Overview');
  assert.equal(await ground(), dark);
  tab.quiet();
});

test('the files are kept for good, and the page is asked for each time', async () => {
  const page = await fetch(`${site.console}/`);
  const text = await page.text();
  assert.equal(page.headers.get('cache-control'), 'no-cache');
  assert.match(page.headers.get('content-security-policy'), /^default-src 'none'; script-src 'self'; style-src 'self';/);
  const again = await fetch(`${site.console}/`, { headers: { 'if-none-match': page.headers.get('etag') } });
  assert.equal(again.status, 304);
  const [script] = /\/assets\/[0-9a-f]+\/main\.js/.exec(text);
  const kept = await fetch(site.console + script);
  assert.match(kept.headers.get('cache-control'), /immutable/);
});

async function examine(tab, where) {
  const { wide, pale } = await tab.page.evaluate(measure);
  assert.deepEqual(wide, [], `${where}: beyond the edge`);
  assert.deepEqual(pale, [], `${where}: text with a contrast below 4.5`);
  await tab.page.evaluate(AXE);
  const found = await tab.page.evaluate(() => axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  const flaws = found.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')}`);
  assert.deepEqual(flaws, [], where);
}

/** In the page: what is wider than it, and what is too pale. */
function measure() {
  const wide = document.documentElement.scrollWidth > innerWidth
    ? [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && !element.closest('.hidden')).map((element) => element.outerHTML.slice(0, 120)).slice(0, 5)
    : [];
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const luminance = ({ r, g, b }) => [r, g, b].map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)).reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let place = element; place; place = place.parentElement) {
      const colour = parse(getComputedStyle(place).backgroundColor);
      if (colour.a === 1) return colour;
    }
    return { r: 255, g: 255, b: 255 };
  };
  const pale = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility() || element.closest('.hidden, title, noscript, svg') || element.closest(':disabled')) continue;
    const [front, back] = [luminance(parse(getComputedStyle(element).color)), luminance(ground(element))];
    const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (contrast < 4.5) pale.push(`${contrast.toFixed(2)} ${node.textContent.trim().slice(0, 60)}`);
  }
  return { wide, pale };
}
