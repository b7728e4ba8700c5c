// npm's oauth4webapi, unmodified, at authledger. tests/server/oauth4webapi.rs runs it with its settings in OAUTH_SETTINGS.
//
// It says `visit URL` when a browser has to go there, and is told on its standard input where the browser was sent. What
// it found comes at the end as one line of JSON; what the library itself refuses ends the program.

import { webcrypto } from 'node:crypto';
import { createInterface } from 'node:readline';
import * as oauth from 'oauth4webapi';

// Debian's Node 18 has it without the global name.
globalThis.crypto ??= webcrypto;

const settings = JSON.parse(process.env.OAUTH_SETTINGS);
const http = { [oauth.allowInsecureRequests]: true };
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const found = {};

async function visit(url) {
  console.log(`visit ${url}`);
  const { value, done } = await answers.next();
  if (done) throw new Error('the browser is gone');
  return new URL(value);
}

const issuer = new URL(settings.issuer);
const as = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http }),
);
found.metadata = as;

// One authorization request with PKCE and state, up to the callback.
async function authorize(client, redirectUri, scope) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(as.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
  });
  return { verifier, state, callback: await visit(url), redirectUri };
}

async function redeem(client, authentication, { verifier, state, callback, redirectUri }) {
  // Compares state, and `iss`, which the metadata promise.
  const parameters = oauth.validateAuthResponse(as, client, callback, state);
  const response = await oauth.authorizationCodeGrantRequest(
    as, client, authentication, parameters, redirectUri, verifier, http,
  );
  return oauth.processAuthorizationCodeResponse(as, client, response);
}

async function refresh(client, authentication, token) {
  const response = await oauth.refreshTokenGrantRequest(as, client, authentication, token, http);
  return oauth.processRefreshTokenResponse(as, client, response);
}

async function introspect(client, authentication, token) {
  const response = await oauth.introspectionRequest(as, client, authentication, token, http);
  return oauth.processIntrospectionResponse(as, client, response);
}

async function revoke(client, authentication, token) {
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, authentication, token, http));
}

// The code of the refusal that `work` must end in.
async function refusal(work) {
  try {
    await work();
  } catch (error) {
    if (error.error) return { error: error.error, description: error.error_description, status: error.status ?? null };
    return { library: error.code ?? error.message };
  }
  return { error: null };
}

// A confidential client, by either way to authenticate that the metadata name.
for (const [name, authentication] of [
  ['basic', oauth.ClientSecretBasic(settings.confidential.clientSecret)],
  ['post', oauth.ClientSecretPost(settings.confidential.clientSecret)],
]) {
  const client = { client_id: settings.confidential.clientId };
  const request = await authorize(client, settings.redirect, settings.scope);
  const tokens = await redeem(client, authentication, request);
  const refreshed = await refresh(client, authentication, tokens.refresh_token);
  const alive = await introspect(client, authentication, refreshed.access_token);
  await revoke(client, authentication, refreshed.access_token);
  const dead = await introspect(client, authentication, refreshed.access_token);
  const other = await introspect(client, authentication, tokens.access_token);
  await revoke(client, authentication, tokens.refresh_token);
  await revoke(client, authentication, tokens.refresh_token);
  found[name] = {
    tokens: { ...tokens, access_token: undefined },
    repeated: (refreshed.refresh_token ?? tokens.refresh_token) === tokens.refresh_token,
    alive,
    dead,
    other,
    ended: await introspect(client, authentication, tokens.access_token),
    refreshRevoked: await refusal(() => refresh(client, authentication, tokens.refresh_token)),
  };
}

// A public client: no secret, a loopback port of its own, each refresh with a new token.
{
  const client = { client_id: settings.public.clientId };
  const none = oauth.None();
  const request = await authorize(client, settings.loopback, settings.scope);
  const first = await redeem(client, none, request);
  const second = await refresh(client, none, first.refresh_token);
  const again = await refresh(client, none, first.refresh_token);
  const third = await refresh(client, none, second.refresh_token);
  found.public = {
    rotated: second.refresh_token !== first.refresh_token && third.refresh_token !== second.refresh_token,
    retried: again.refresh_token === second.refresh_token && again.access_token === second.access_token,
    reuse: await refusal(() => refresh(client, none, first.refresh_token)),
    afterReuse: await refusal(() => refresh(client, none, third.refresh_token)),
  };
}

// A code that is presented twice ends what came of it.
{
  const client = { client_id: settings.confidential.clientId };
  const authentication = oauth.ClientSecretBasic(settings.confidential.clientSecret);
  const request = await authorize(client, settings.redirect, settings.scope);
  const tokens = await redeem(client, authentication, request);
  found.replay = {
    refusal: await refusal(() => redeem(client, authentication, request)),
    after: await introspect(client, authentication, tokens.access_token),
  };

  // The library itself holds us to the `iss` of RFC 9207: without it, or with another one, it goes no further.
  const without = new URL(request.callback);
  without.searchParams.delete('iss');
  const other = new URL(request.callback);
  other.searchParams.set('iss', 'https://other.example');
  found.iss = await Promise.all(
    [without, other].map((callback) => refusal(() => redeem(client, authentication, { ...request, callback }))),
  );

  const wrong = await authorize(client, settings.redirect, settings.scope);
  found.wrongVerifier = await refusal(() =>
    redeem(client, authentication, { ...wrong, verifier: oauth.generateRandomCodeVerifier() }));
  found.wrongSecret = await refusal(() =>
    redeem(client, oauth.ClientSecretPost('wrong'), wrong));
}

// The person says no.
{
  const client = { client_id: settings.denied.clientId };
  const request = await authorize(client, settings.redirect, settings.scope);
  found.denied = await refusal(() => oauth.validateAuthResponse(as, client, request.callback, request.state));
}

// A client on its own behalf.
{
  const client = { client_id: settings.service.clientId };
  const authentication = oauth.ClientSecretBasic(settings.service.clientSecret);
  const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, {}, http);
  const tokens = await oauth.processClientCredentialsResponse(as, client, response);
  found.service = {
    refreshToken: tokens.refresh_token ?? null,
    alive: await introspect(client, authentication, tokens.access_token),
    elsewhere: await introspect(
      { client_id: settings.confidential.clientId },
      oauth.ClientSecretBasic(settings.confidential.clientSecret),
      tokens.access_token,
    ),
  };
}

console.log(JSON.stringify(found));
process.exit(0);
