//! Who calls, as proven.

use std::sync::Arc;

use super::claims::Claims;
use crate::model::instant::UnixTime;
use crate::registry::application::Application;
use crate::registry::key_pair::KeyType;
use crate::registry::token::Digest;
use crate::registry::user::UserName;

/// Who calls, as proven by one credential.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What proved it.
    pub by: Proof,
    /// The application that calls; `None` with a password, a certificate, or a token of a client that nobody registered.
    pub application: Option<Arc<Application>>,
    /// Which endpoints its key leads to.
    pub key_type: KeyType,
    /// The consumer key, or what a foreign token has in its place; empty with a password or a certificate.
    pub client: String,
    /// On whose behalf; `None` for an application's own credential.
    pub user: Option<UserName>,
    /// Who that is in words, for logs and backends: `sub`, the user, or the certificate's subject.
    pub subject: String,
    /// The scopes that it was granted, sorted.
    pub scopes: Vec<Box<str>>,
    /// The roles that the credential itself states (foreign tokens); a local user's are the registry's.
    pub roles: Vec<Box<str>>,
    /// What the credential claims of what the catalog asks for.
    pub claims: Claims,
    /// When the credential ends.
    pub expires: Option<UnixTime>,
    /// What the credential is known by here, never the credential.
    pub digest: Digest,
}

/// What proved a caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proof {
    /// An API key.
    ApiKey,
    /// A name and a password.
    Basic,
    /// A client certificate.
    Certificate,
    /// A token that a key manager issued.
    ForeignToken,
    /// A token that this gateway issued.
    Token,
}
