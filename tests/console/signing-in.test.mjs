// Signing in, with keys alone; being refused; a session that ends while somebody types; signing out.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Operator, Tab, launch, site } from './browser.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test('a wrong password is refused in words, and what was typed is still there', async () => {
  const tab = await Tab.open(browser);
  await tab.type('User', 'admin');
  await tab.type('Password', 'of somebody else');
  await tab.press('Sign in');
  await tab.sees('The user is unknown or the password is wrong.');
  assert.equal(await tab.value('User'), 'admin');
  assert.match(await tab.page.evaluate(() => document.activeElement.className), /trouble/);
  tab.quiet(401);
  await tab.type('Password', site.password);
  await tab.page.keyboard.press('Enter');
  await tab.heading('Overview');
  assert.equal(await tab.page.title(), 'Overview · Tollgate');
  tab.quiet();
});

test('somebody signs in, finds a place and signs out with keys alone', async () => {
  const tab = await Tab.open(browser);
  const { keyboard } = tab.page;
  assert.equal(await tab.focused(), 'User');
  await keyboard.type('admin');
  await keyboard.press('Tab');
  await keyboard.type(site.password);
  await keyboard.press('Enter');
  await tab.heading('Overview');
  await keyboard.press('Tab');
  assert.equal(await tab.focused(), 'Skip to the content');
  await keyboard.press('Enter');
  assert.equal(await tab.page.evaluate(() => document.activeElement.id), 'main');
  await reach(tab, 'APIs');
  await keyboard.press('Enter');
  await tab.heading('APIs');
  assert.equal(await tab.focused(), 'APIs', 'the heading of the new page has the focus');
  assert.equal(await tab.text('nav [aria-current="page"]'), 'APIs');
  await reach(tab, 'admin');
  await keyboard.press('Enter');
  await tab.heading('Account');
  await reach(tab, 'Sign out');
  await keyboard.press('Enter');
  await tab.page.waitForFunction(() => document.title.startsWith('Sign in'));
  assert.deepEqual(await tab.page.cookies(), []);
  tab.quiet();
});

test('a session that ends asks again and loses nothing', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn();
  await tab.go('#/new-user', 'New user');
  await tab.type('Name', 'nora');
  await tab.type('Password', 'a password of some length');
  const cookies = await tab.page.cookies();
  await tab.page.deleteCookie(...cookies);
  await tab.press('Make the user');
  await tab.page.waitForSelector('dialog[open] input');
  assert.equal(await tab.text('dialog h2'), 'Sign in again');
  const [user, password] = await tab.page.$$('dialog input');
  await user.type('admin');
  await password.type(site.password);
  await tab.page.keyboard.press('Enter');
  await tab.heading('Users');
  await tab.sees('nora');
  tab.quiet(401);
  const operator = await Operator.signIn();
  assert.equal((await operator.ask('GET', '/users/nora')).name, 'nora');
});

test('a page that is loaded again is signed in still', async () => {
  const tab = await Tab.open(browser);
  await tab.signIn();
  await tab.go('#/tiers', 'Tiers');
  await tab.page.reload();
  await tab.heading('Tiers');
  tab.quiet();
});

/** Presses Tab until something has the focus. */
async function reach(tab, name) {
  for (let times = 0; times < 60; times += 1) {
    if ((await tab.focused()) === name) return;
    await tab.page.keyboard.press('Tab');
  }
  assert.fail(`${name} is not reached by keys`);
}
