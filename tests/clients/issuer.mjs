// A foreign issuer in a process of its own: `oidc-provider`, whose keys are changed as its documentation says, by
// loading the provider anew, without closing its port. Its parent tells it which keys it has; the first one signs.

import http from 'node:http';

import Provider from 'oidc-provider';

const address = new URL(process.argv[2]);
const API = 'https://news.example';
const asked = { jwks: 0, tokens: 0 };
let answer;

// It warns of what a test can do without: things that are kept, cookies that nobody forges.
console.info = console.warn = () => {};

function provider(keys) {
  const jwt = { sign: { alg: keys[0].alg } };
  const resource = (indicator) => ({
    audience: API,
    scope: 'news_read',
    accessTokenTTL: 60,
    ...(indicator.endsWith('/opaque') ? { accessTokenFormat: 'opaque' } : { accessTokenFormat: 'jwt', jwt }),
  });
  return new Provider(address.origin, {
    clients: [
      of('steady', 'of-the-steady-client', ['client_credentials']),
      of('gateway', 'of-the-gateway-at-the-issuer', []),
    ],
    clientDefaults: { id_token_signed_response_alg: keys[0].alg },
    enabledJWA: { idTokenSigningAlgValues: ['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256'] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: (context, client) => client.clientId === 'gateway' },
      resourceIndicators: { enabled: true, getResourceServerInfo: (context, indicator) => resource(indicator) },
      revocation: { enabled: true },
    },
    jwks: { keys },
    scopes: ['news_read'],
  });
}

function of(client_id, client_secret, grant_types) {
  return { client_id, client_secret, grant_types, redirect_uris: [], response_types: [] };
}

const server = http.createServer((request, response) => {
  asked.jwks += request.url === '/jwks' ? 1 : 0;
  asked.tokens += request.url === '/token' ? 1 : 0;
  answer(request, response);
});

process.on('message', ({ keys }) => {
  if (keys) answer = provider(keys).callback();
  if (server.listening) process.send({ asked });
  else server.listen(address.port, address.hostname, () => process.send({ asked }));
});
process.on('disconnect', () => process.exit());
