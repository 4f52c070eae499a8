-- Consumers: users, applications, keys, subscriptions, tokens and revocations. Times are seconds since 1970.
-- The same tables for both engines; they differ in how a number is given and in what bytes are called.

CREATE TABLE users (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    password TEXT NOT NULL,
    created BIGINT NOT NULL,
    UNIQUE (tenant, name)
);

CREATE TABLE user_roles (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (user_id, role)
);
CREATE INDEX user_roles_role ON user_roles (role);

-- Users that were deleted: one of the same name is not younger than the last of its tokens.
CREATE TABLE departed (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    seen BIGINT,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE applications (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id),
    tier TEXT NOT NULL,
    token_type TEXT NOT NULL,
    created BIGINT NOT NULL,
    UNIQUE (owner_id, name)
);

CREATE TABLE clients (
    consumer_key TEXT NOT NULL PRIMARY KEY,
    application_id BIGINT NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    key_type TEXT NOT NULL,
    secret BYTEA NOT NULL,
    grants TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    jwks TEXT,
    certificate BYTEA,
    is_public BIGINT NOT NULL,
    created BIGINT NOT NULL,
    UNIQUE (application_id, key_type)
);

CREATE TABLE subscriptions (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    application_id BIGINT NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    tenant TEXT NOT NULL,
    api TEXT NOT NULL,
    version TEXT NOT NULL,
    tier TEXT NOT NULL,
    state TEXT NOT NULL,
    created BIGINT NOT NULL,
    UNIQUE (application_id, tenant, api, version)
);

CREATE TABLE api_keys (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    application_id BIGINT NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    key_type TEXT NOT NULL,
    networks TEXT NOT NULL,
    referers TEXT NOT NULL,
    expires BIGINT,
    created BIGINT NOT NULL
);
CREATE INDEX api_keys_application ON api_keys (application_id);

CREATE TABLE tokens (
    digest BYTEA NOT NULL PRIMARY KEY,
    consumer_key TEXT NOT NULL REFERENCES clients (consumer_key) ON DELETE CASCADE,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    family TEXT,
    certificate BYTEA,
    issued BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX tokens_expires ON tokens (expires);
CREATE INDEX tokens_family ON tokens (family);
CREATE INDEX tokens_client ON tokens (consumer_key);
CREATE INDEX tokens_user ON tokens (user_id);

CREATE TABLE refresh_tokens (
    digest BYTEA NOT NULL PRIMARY KEY,
    consumer_key TEXT NOT NULL REFERENCES clients (consumer_key) ON DELETE CASCADE,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    family TEXT NOT NULL,
    certificate BYTEA,
    expires BIGINT NOT NULL,
    used BIGINT NOT NULL
);
CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_client ON refresh_tokens (consumer_key);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id);

CREATE TABLE codes (
    digest BYTEA NOT NULL PRIMARY KEY,
    consumer_key TEXT NOT NULL REFERENCES clients (consumer_key) ON DELETE CASCADE,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    family TEXT NOT NULL,
    certificate BYTEA,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL,
    nonce TEXT,
    authenticated BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    taken BIGINT NOT NULL
);
CREATE INDEX codes_expires ON codes (expires);
CREATE INDEX codes_client ON codes (consumer_key);
CREATE INDEX codes_user ON codes (user_id);

CREATE TABLE revocations (
    digest BYTEA NOT NULL PRIMARY KEY,
    expires BIGINT NOT NULL
);
CREATE INDEX revocations_expires ON revocations (expires);

CREATE TABLE revoked_families (
    family TEXT NOT NULL PRIMARY KEY,
    expires BIGINT NOT NULL
);
CREATE INDEX revoked_families_expires ON revoked_families (expires);

-- What changed, for the views of other processes. `head` is one row: whoever holds it writes, so that numbers become
-- visible in their order.
CREATE TABLE changes (
    number BIGINT NOT NULL PRIMARY KEY,
    noun TEXT NOT NULL,
    name TEXT NOT NULL
);

CREATE TABLE head (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    number BIGINT NOT NULL
);
INSERT INTO head (one, number) VALUES (1, 0);
