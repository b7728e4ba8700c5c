// npm's oidc-provider as the peer of `cargo bench --bench oauth`: one confidential client, everything in a Map. The package's
// own memory adapter keeps the newest thousand entries only. Says where it listens, then a refresh token a line.
import Provider from 'oidc-provider';

const items = new Map();
class MapAdapter {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model}:${id}`; }
  async upsert(id, payload) { items.set(this.key(id), payload); }
  async find(id) { return items.get(this.key(id)); }
  async findByUid() { return undefined; }
  async findByUserCode() { return undefined; }
  async destroy(id) { items.delete(this.key(id)); }
  async consume(id) { const payload = items.get(this.key(id)); if (payload) payload.consumed = true; }
  async revokeByGrantId(grant) {
    for (const [key, payload] of items) if (payload.grantId === grant) items.delete(key);
  }
}

const provider = new Provider('http://127.0.0.1', {
  adapter: MapAdapter,
  clients: [{
    client_id: 'bench', client_secret: 'bench-secret', grant_types: ['client_credentials', 'refresh_token', 'authorization_code'],
    redirect_uris: ['https://client.example/callback'], response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic', scope: 'openid offline_access api:read',
  }],
  scopes: ['openid', 'offline_access', 'api:read'],
  findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    devInteractions: { enabled: false },
  },
  // As authledger does for each of both kinds of clients.
  rotateRefreshToken: process.env.ROTATE === '1',
  ttl: { AccessToken: 3600, ClientCredentials: 3600, Grant: 86400, RefreshToken: 86400 },
});

// Refresh tokens as a consent would have left them. Without `openid`, so that no ID token is signed.
async function refreshToken(client, number) {
  const grant = new provider.Grant({ accountId: `user${number}`, clientId: client.clientId });
  grant.addOIDCScope('offline_access api:read');
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    accountId: `user${number}`, client, grantId, gty: 'authorization_code', scope: 'offline_access api:read',
  });
  return token.save();
}

const server = provider.listen(0, '127.0.0.1', async () => {
  const client = await provider.Client.find('bench');
  const tokens = [];
  for (let number = 0; number < Number(process.env.TOKENS ?? 64); number += 1) tokens.push(await refreshToken(client, number));
  console.log(`listens on http://127.0.0.1:${server.address().port}`);
  console.log(JSON.stringify(tokens));
});
