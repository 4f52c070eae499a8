//! Tollgate's data plane: it serves what it was told.
//!
//! # The map
//!
//! A request is [`stages::admit_told`], read from top to bottom; [`admission`] waits for what it must know. A change is `admin::control::Control::apply`, read from
//! top to bottom. [`boot`] puts the long-lived things together, once.
//!
//! | layer | modules |
//! |---|---|
//! | composes | [`boot`], [`command`] |
//! | shell | [`gateway`], [`bridge`] |
//! | tells | [`explain`], [`trial`] |
//! | decides | [`admission`], [`counting`] |
//! | edge | [`accept`], [`tunnel`], [`upstream`], [`cache`], [`rewrite`], [`reply`], [`routed`], [`telemetry`] |
//! | state | [`exchange`], [`served`], [`quota_fields`] |
//! | core | [`stages`], [`credential`] |
//! | counts | [`quota`] |
//! | values | [`head`], [`target`], [`denial`], [`forwarding`], [`hop`] |
//! | compiled | [`snapshot`] |
//!
//! Imports point down the table. Only `bridge`, `boot` and `command` reach into the `admin` crate; everyone else says
//! `crate::model`.
//!
//! # Decisions
//!
//! 1. **Pingora's listening services on our own runtime**, instead of its `Server`: a taken port is exit code 1 at
//!    once, draining ends when the last connection does, tests run many gateways in a process. The hand-over of
//!    sockets is still Pingora's.
//! 2. **TLS is accepted behind plain listeners** ([`accept::door`]), instead of by Pingora's listener: the whole
//!    configuration is swapped for each handshake, with a deadline of our own.
//! 3. **One pointer to everything that is served** ([`served::Served`]), instead of a snapshot that names long-lived
//!    things by string: a request finds its backend and its counters by index, and cannot see half a change.
//! 4. **A catalog is read when nobody has written to it for 20 ms**, instead of at once: half a file can be a valid
//!    catalog that nobody meant.
//! 5. **The control socket is a Unix socket in the data directory**, instead of a port: who may read the directory may
//!    ask, and nothing listens on the network for it.
//! 6. **Our own WebSocket tunnel, chunk guard, bounds and balancer**, instead of Pingora's: each for a defect or a gap
//!    of 0.9.1 that a test in `tests/gateway` shows.
//! 7. **Paths are canonical or refused** ([`target`]), instead of passed through: templates are compared with what the
//!    backend will read.
//! 8. **What goes out loses the spelling of field names that it came with** ([`rewrite`]), instead of keeping it: it
//!    cost a twentieth of a proxied request each way, and names do not differ by case.
//! 9. **Counts are exact by remembering** ([`quota`]): each request up to 1,000, sums by slices above, instead of fixed
//!    windows (twice the quota around an edge) or weighted ones (an estimate).
//! 10. **A ledger that is full refuses rather than forgets**: newcomers of a quota share one count, instead of evicting
//!     a count in force, which a flood of new names would turn into quotas without end.
//! 11. **Two processes share each quota while one takes over**, a sixteenth to the one that leaves, instead of telling
//!     each other of each request: never more than the quota passes and none waits for the other process, but until the
//!     old one has ended some are refused that one process alone would let through.
//! 12. **Gateways that share counts tell each other afterwards, within a bound** ([`quota::store`]), instead of leases of
//!     parts of each quota: nothing is set aside for who does not come, and the ledger decides as it does alone.
//! 13. **Whom a cached response belongs to is part of its key until its origin calls it public** ([`cache`]), instead of
//!     part of its variant alone: callers would wait for each other's fetches, and one's would void all others' entries.
//! 14. **What an endpoint sees is in the key** ([`cache`]), instead of some of it: nobody shapes what others get. What
//!     would leave each caller with entries of their own is held back.
//! 15. **Requests without a body go straight** (`gateway::straight`), instead of through Pingora's pair of queues, and
//!     their connections wait beside their endpoint ([`upstream`]), instead of in Pingora's pool, which has a task for
//!     each: a quarter of what a proxied request cost. Every other request goes Pingora's way.
//! 16. **What is kept answers straight** ([`cache::hit`]) where it is whole, fresh and in memory and the request wants all of
//!     it, instead of through the states of pingora-cache, which stay for everything else.
//! 17. **The range of what is kept in part is in its key** (`cache::part`), instead of an index of ranges for each whole:
//!     no other request can find a part, nothing is put together, and what bounds entries bounds parts.
//! 18. **An allocator that answers or ends the process** (the crate `allocator`, the only one with unsafe code), instead of
//!     one that may answer that there is no memory: with a box that is sure to come, what goes into it is made there.
//!     Futures were made on the stack before, and half of the bytes that a proxied request moved were copies of them.
//!
//! Libraries, and what else was looked at: annotate-snippets (miette, ariadne) draws violations, as the compiler does;
//! toml's spanned tree under a small deserializer of ours (toml-span, serde's own errors) reports every mistake of a
//! file; schemars (typify writes the other way) makes the schema from the same types; strsim finds the nearest word;
//! humantime and bytesize (fundu, byte-unit) read units; notify (inotify alone) watches files; clap (argh, pico-args)
//! reads arguments; prometheus-client (prometheus, metrics) names the metrics, over histograms of ours because its own
//! lock for each observation; rcgen and x509-parser make and read certificates; sd-notify speaks to systemd; uuid
//! (ulid) makes request ids that sort by time; regex (regex-lite, which is slower where it is asked for each request)
//! matches what conditions ask, in time that no pattern can stretch; time (chrono, jiff) writes dates; jiff (chrono-tz,
//! whose tables come without the arithmetic of days that clocks shorten) knows calendars, with the tz database inside;
//! siphasher (ahash, which is not stable across versions and has 64 bits; blake3, several times slower on short names)
//! makes keys; postcard (bincode, no longer kept) writes counts; indexmap (hashbrown alone, which cannot be walked a
//! few at a time) keeps counters; redis (fred, larger, with reconnecting and pools of its own, which here one task does
//! in rounds) speaks to Redis and Valkey; quick_cache (moka, ten times slower on a hit; foyer, whose memory half is
//! three times slower) holds what is stored of responses; pingora-cache keeps the states of a cached
//! exchange (a cache of our own, which would write validation, ranges and locks again), sfv (which it has already) reads
//! fields of RFC 9213, httpdate (time, whose formats are
//! not those of HTTP) reads dates; memchr scans heads; jemalloc (mimalloc) returns what
//! connections leave behind, and is set up by the crate `allocator`.

pub mod accept;
pub mod admission;
pub mod boot;
pub mod bridge;
pub mod cache;
pub mod command;
pub mod counting;
pub mod credential;
pub mod denial;
pub mod exchange;
pub mod explain;
pub mod forwarding;
pub mod gateway;
pub mod head;
pub mod hop;
pub mod quota;
pub mod quota_fields;
pub mod reply;
pub mod rewrite;
pub mod routed;
pub mod served;
pub mod settings;
pub mod snapshot;
pub mod stages;
pub mod target;
pub mod telemetry;
pub mod trial;
pub mod tunnel;
pub mod upstream;

pub use admin::{courtesy, model, oauth, registry};
