// A browser with nobody signed in, and what people do with it: finding by what is read, typing, pressing keys. What the
// page complains about is kept; a test that does not expect it fails.

import assert from 'node:assert/strict';

import puppeteer from 'puppeteer-core';

export const site = {
  console: process.env.CONSOLE_URL,
  gateway: process.env.GATEWAY_URL,
  backend: process.env.BACKEND_URL,
  password: process.env.PASSWORD,
};

/** Starts Chromium. In a container of root's its sandbox cannot be; what it opens is the console alone. */
export function launch() {
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--force-prefers-reduced-motion', '--lang=en-GB'],
  });
}

/** A tab of its own: cookies and storage are shared with no other. */
export class Tab {
  static async open(browser, { width = 1280, scheme = 'light' } = {}) {
    const context = await browser.createBrowserContext();
    const tab = new Tab();
    tab.page = await context.newPage();
    tab.page.setDefaultTimeout(30_000);
    tab.complaints = [];
    await tab.page.setViewport({ width, height: 800 });
    await tab.scheme(scheme);
    tab.page.on('console', (message) => {
      if (['error', 'warn'].includes(message.type())) tab.complaints.push(`${message.text()} ${message.location().url ?? ''}`.trim());
    });
    tab.page.on('pageerror', (error) => tab.complaints.push(String(error.stack ?? error)));
    await tab.page.evaluateOnNewDocument(() => {
      addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
    });
    await tab.page.goto(`${site.console}/`);
    return tab;
  }

  scheme(name) {
    return this.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: name }]);
  }

  async signIn(user = 'admin', password = site.password) {
    await this.type('User', user);
    await this.type('Password', password);
    await this.page.keyboard.press('Enter');
    await this.heading('Overview');
  }

  /** Goes to a place of the console, and waits until it is shown. */
  async go(hash, heading) {
    await this.page.evaluate((to) => { location.hash = to; }, hash);
    await this.heading(heading);
  }

  async heading(text) {
    await this.page.waitForFunction(
      (wanted) => document.querySelector('main:not([aria-busy]) h1')?.textContent === wanted && !document.querySelector('[aria-busy="true"]'),
      {},
      text,
    );
  }

  /** Finds a control by its name, as a reader of the screen would, on a page that is not about to change. */
  async control(name, role) {
    await this.page.waitForFunction(() => !document.querySelector('main[aria-busy]'));
    return this.page.waitForSelector(`aria/${name}${role ? `[role="${role}"]` : ''}`);
  }

  /** Clicks; a page that is drawn anew between finding and clicking is looked at again. */
  async press(name, role = 'button') {
    for (let tries = 0; ; tries += 1) {
      const control = await this.control(name, role);
      try {
        await control.evaluate((element) => element.scrollIntoView({ block: 'center' }));
        return await control.click();
      } catch (error) {
        if (tries === 3 || !/detached/.test(error.message)) throw error;
      }
    }
  }

  async type(name, text) {
    const control = await this.control(name, 'textbox');
    await control.evaluate((element) => element.select());
    await control.press('Backspace');
    await control.type(text);
  }

  /** Puts a long text in a field at once, as pasting does. */
  async paste(name, text) {
    const control = await this.control(name, 'textbox');
    await control.evaluate((element, pasted) => {
      element.focus();
      element.value = pasted;
      element.dispatchEvent(new Event('input', { bubbles: true }));
    }, text);
  }

  async choose(name, value) {
    const control = await this.control(name, 'combobox');
    await control.select(value);
  }

  /** What stands in a control. */
  async value(name, role = 'textbox') {
    return (await this.control(name, role)).evaluate((element) => element.value);
  }

  /** Waits until some text is read somewhere. */
  sees(text, within = 'body') {
    return this.page.waitForFunction((wanted, place) => document.querySelector(place)?.innerText.includes(wanted), {}, text, within);
  }

  text(selector) {
    return this.page.$eval(selector, (element) => element.innerText);
  }

  focused() {
    return this.page.evaluate(() => {
      const element = document.activeElement;
      return element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent ?? '';
    });
  }

  /** Fails with what the page complained about; answers that a test asks for are named by their status. */
  quiet(...expected) {
    const rest = this.complaints.filter((complaint) => !expected.some((status) => complaint.includes(`status of ${status}`)));
    this.complaints.length = 0;
    assert.deepEqual(rest, []);
  }
}

/** Calls the gateway. */
export async function callGateway(path, options) {
  const response = await fetch(site.gateway + path, options);
  await response.arrayBuffer();
  return response.status;
}

/** Asks the admin API, as somebody else would meanwhile. */
export class Operator {
  static async signIn(user = 'admin') {
    const operator = new Operator();
    const response = await fetch(`${site.console}/admin/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user, password: site.password }),
    });
    assert.equal(response.status, 200);
    operator.cookie = response.headers.get('set-cookie').split(';')[0];
    operator.csrf = (await response.json()).csrf;
    return operator;
  }

  async ask(method, path, body, headers = {}) {
    const response = await fetch(`${site.console}/admin/v1${path}`, {
      method,
      headers: { cookie: this.cookie, 'x-csrf-token': this.csrf, ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
}
