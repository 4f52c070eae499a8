-- Who did what, when, from where; what the thing was like before and after, as JSON. The tenant is that of the thing.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    tenant TEXT NOT NULL,
    address TEXT,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    state_before TEXT,
    state_after TEXT,
    revision BIGINT,
    outcome TEXT NOT NULL
);
CREATE INDEX audit_tenant ON audit (tenant, id);
CREATE INDEX audit_action ON audit (action, id);
