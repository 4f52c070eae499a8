//! Tollgate's control plane: what is stated, and the one writer of it.
//!
//! Three layers, imports pointing down: `http` has the routers; `control` applies changes to the catalog and hands
//! each accepted one to whoever serves traffic, `registry` keeps consumers, `oauth` gives them tokens, `import` makes
//! documents of other people's formats; `model` holds the catalog's nouns and decides what is a valid catalog. Below all
//! of them is `courtesy`, by which long work lets traffic go first. Nothing here knows Pingora, sockets or the request
//! path.
//!
//! Libraries, and what else there is: sqlx (diesel is not asynchronous, rusqlite has no PostgreSQL) asks both databases
//! with one set of statements; argon2 (rust-argon2 knows no PHC strings of others) hashes passwords; jsonwebtoken
//! (josekit brings OpenSSL) signs and checks tokens, with aws-lc-rs (ring makes no RSA keys) below it; askama
//! (minijinja finds a mistake in a template when it is shown) fills pages, and escapes what goes into them; axum (warp,
//! poem) routes; aide (utoipa wants a second derive on each document beside schemars', and macros that repeat what
//! handlers' types say; 0.15 of aide has another schemars than ours, so it is an exact 0.16 alpha) tells OpenAPI from the
//! handlers; serde_path_to_error (serde_json says lines, not keys) finds the place of a mistake in a body;
//! serde_urlencoded (serde_qs nests, which nothing here does) reads queries; quick_cache (moka keeps threads and queues for what is not asked of it) bounds what is remembered;
//! hashbrown (std's map, which is made of it, takes no hash that is known already) is what the view's tables are made
//! of; hex (data-encoding) reads bytes that came as text; serde-saphyr (serde_norway and serde_yaml_ng are forks of the
//! unmaintained serde_yaml, with one fixed bound of aliases; saphyr makes trees, and knows no budget) reads YAML within bounds; zip (async_zip, rc-zip, with fewer eyes on them), with deflate alone, unpacks
//! projects; toml_edit writes files that people go on editing; include_dir (rust-embed hashes with a library of its own, and reads the disk in debug builds)
//! has the console's files in the binary; futures-util (tokio-stream, which is no smaller) reads rows one by one.

pub mod control;
pub mod courtesy;
pub mod http;
pub mod import;
pub mod model;
pub mod oauth;
pub mod registry;
