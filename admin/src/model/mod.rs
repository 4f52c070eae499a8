//! The catalog's nouns: what a provider may state, and what makes a statement true.
//!
//! No I/O, no async, no clock. [`document`] mirrors the files, [`catalog`] is what is believed after every
//! reference was resolved; everything between the two is a [`violation`].
//!
//! # Glossary
//!
//! | word | meaning |
//! |---|---|
//! | Tenant | the owner; everything else belongs to exactly one |
//! | Api | a named product with a Context and one or more versions |
//! | Context | the path prefix that names an Api inside a tenant |
//! | ApiVersion | the unit that is published and routed: resources, backend, limits |
//! | default version | the ApiVersion that answers when the path names none |
//! | Resource | a path template and a method set inside an ApiVersion |
//! | AuthType | what credential a Resource demands |
//! | Scope | a permission name owned by a tenant or an Api |
//! | KeyManager | an issuer of tokens other than the gateway itself |
//! | Place | the file and the line where something was stated |
//! | Tier | a named set of quotas; its level says what it counts |
//! | Group | requests that have quotas of their own in a Tier |
//! | Condition | what must be true of a request |
//! | CountingRule | quotas for whatever its key tells apart, beside all tiers |
//! | DenyRule | whose requests are refused |
//! | Caching | what is kept of an ApiVersion's responses, and for whom |
//! | Backend, Endpoint | where an ApiVersion's traffic goes; one address of it |
//! | Document | the catalog as written, not yet believed |
//! | Catalog | the whole model at one Revision, every reference resolved |
//! | Violation | one reason a Document is not a Catalog, with its place and its mend |
//! | Revision | the number of a Catalog; rises by one with each applied Change |

pub mod address;
pub mod api;
pub mod auth;
pub mod backend;
pub mod caching;
pub mod catalog;
pub mod condition;
pub mod counting_rule;
pub mod deny;
pub mod document;
pub mod instant;
pub mod key_manager;
pub mod lifecycle;
pub mod method;
pub mod name;
pub(crate) mod pem;
pub mod place;
pub mod reader;
pub mod resource;
pub mod sample;
pub mod schema;
pub mod scope;
pub mod security;
pub mod source;
pub mod suggestion;
pub mod template;
pub mod tenant;
pub mod tier;
pub mod unit;
pub mod violation;
