// A browser without a screen: it follows redirections, keeps cookies, and sends the forms of pages as people do.
// It trusts whom Node trusts: TLS is verified.

import assert from 'node:assert/strict';
import https from 'node:https';

export class Browser {
  cookies = new Map();
  pages = [];

  /** Goes to an address and on to wherever it leads, until a page is shown or `until` is reached. */
  async go(url, until) {
    return this.#follow(new URL(url), { method: 'GET' }, until);
  }

  /** Sends the only form of a page with these fields, beside its hidden ones. */
  async send(page, fields, until) {
    const form = page.body.match(/<form method="post" action="([^"]+)">/);
    assert.ok(form, `a form is on the page:\n${page.body}`);
    const hidden = [...page.body.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)];
    const body = new URLSearchParams(hidden.map(([, name, value]) => [text(name), text(value)]));
    for (const [name, value] of Object.entries(fields)) {
      assert.ok(page.body.includes(` name="${name}"`), `the page has a field ${name}`);
      body.set(name, value);
    }
    const url = new URL(text(form[1]), page.url);
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      origin: page.url.origin,
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'navigate',
    };
    return this.#follow(url, { method: 'POST', headers, body: body.toString() }, until);
  }

  async #follow(url, request, until) {
    for (let hop = 0; hop < 10; hop += 1) {
      if (until && url.href.startsWith(until)) return { url };
      const answer = await this.#ask(url, request);
      if (answer.status < 300 || answer.status > 399) {
        this.pages.push(answer);
        return answer;
      }
      url = new URL(answer.headers.location, url);
      request = { method: 'GET' };
    }
    throw new Error(`${url.origin} redirects without end`);
  }

  async #ask(url, { method, headers = {}, body }) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await ask(url, { method, headers: cookie ? { ...headers, cookie } : headers, body });
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [pair, ...attributes] = line.split('; ');
      // What a browser demands of such a name (RFC 6265bis, 4.1.3.2).
      if (pair.startsWith('__Host-')) {
        assert.ok(attributes.includes('Secure') && attributes.includes('Path=/'), line);
        assert.ok(!attributes.some((attribute) => attribute.startsWith('Domain')), line);
      }
      this.cookies.set(...pair.split(/=(.*)/s).slice(0, 2));
    }
    return answer;
  }
}

/** Asks once, over TLS, and reads the whole answer. */
export function ask(url, { method = 'GET', headers = {}, body, agent } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method, headers, agent, timeout: 10_000 }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          url: new URL(url),
          status: response.statusCode,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.on('timeout', () => request.destroy(new Error(`${url} does not answer`)));
    request.on('error', reject);
    request.end(body);
  });
}

/** Reads what HTML has in an attribute. */
function text(html) {
  const named = { amp: '&', gt: '>', lt: '<', quot: '"' };
  return html.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, decimal, hexadecimal, name) => {
    if (name) return named[name] ?? all;
    return String.fromCodePoint(decimal ? Number(decimal) : parseInt(hexadecimal, 16));
  });
}
