//! What a verified token says, and whether it still stands.
//!
//! What a token says never changes and is remembered. Whether its client is registered, its user still the same one
//! and nothing of it revoked is looked up for every request; while those answers are the same, so is the caller.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use parking_lot::RwLock;

use super::Flaw;
use super::caller::{Caller, Proof};
use super::claims::Claims;
use super::issuers::IssuerKey;
use super::occasion::Occasion;
use crate::model::instant::UnixTime;
use crate::model::key_manager::KeyManager;
use crate::model::name::TenantName;
use crate::registry::key_pair::{Client, KeyType};
use crate::registry::token::{Digest, TokenRecord};
use crate::registry::user::{User, UserName};
use crate::registry::view::View;

/// Who stands behind a token.
#[derive(Debug)]
pub(super) enum Authority {
    /// A key manager whose key signed it.
    Foreign(Arc<KeyManager>, Arc<IssuerKey>),
    /// A key manager that was asked.
    Introspected(Arc<KeyManager>),
    /// We, whose key of this name signed it.
    Own(String),
    /// We, who wrote it down.
    Registry(Arc<TokenRecord>),
}

/// What a verified token says.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) authority: Authority,
    pub(super) digest: Digest,
    pub(super) client: String,
    /// On whose behalf; of a foreign user the name is the key manager's business.
    pub(super) user: Option<UserName>,
    pub(super) subject: String,
    pub(super) scopes: Vec<Box<str>>,
    pub(super) roles: Vec<Box<str>>,
    pub(super) claims: Claims,
    pub(super) issued: UnixTime,
    /// When it ends, and when it is to be verified anew.
    pub(super) expires: UnixTime,
    pub(super) until: UnixTime,
    /// The digest of its `jti`.
    pub(super) jti: Option<Digest>,
    pub(super) family: Option<String>,
    /// The digest of the certificate that it is bound to.
    pub(super) certificate: Option<Digest>,
    pub(super) standing: RwLock<Option<Standing>>,
}

/// What the registry said last, and the caller that follows from it.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    client: Option<Arc<Client>>,
    user: Option<Arc<User>>,
    caller: Arc<Caller>,
}

impl Statement {
    /// Says who calls with it now.
    pub(super) fn stand(&self, view: &View, on: &Occasion<'_>) -> Result<Arc<Caller>, Flaw> {
        if on.now >= self.until {
            return Err(Flaw::Expired);
        }
        self.held(on)?;
        self.unrevoked(view)?;
        let client = self.client(view)?;
        let user = self.user(view)?;
        if let Some(standing) = self.standing.read().as_ref().filter(|known| known.is(&client, &user)) {
            return Ok(Arc::clone(&standing.caller));
        }
        let caller = Arc::new(self.caller(client.as_deref()));
        *self.standing.write() = Some(Standing {
            client,
            user,
            caller: Arc::clone(&caller),
        });
        Ok(caller)
    }

    /// Checks that whoever shows it holds the certificate that it is bound to (RFC 8705, 3).
    fn held(&self, on: &Occasion<'_>) -> Result<(), Flaw> {
        let Some(bound) = &self.certificate else { return Ok(()) };
        let shown = on.certificate.ok_or(Flaw::Binding)?;
        verify_slices_are_equal(&bound.0, &shown.digest().0).map_err(|_| Flaw::Binding)
    }

    fn unrevoked(&self, view: &View) -> Result<(), Flaw> {
        let is_revoked = view.is_revoked(self.jti.as_ref().unwrap_or(&self.digest))
            || self
                .family
                .as_deref()
                .is_some_and(|family| view.is_family_revoked(family));
        if is_revoked { Err(Flaw::Revoked) } else { Ok(()) }
    }

    fn client(&self, view: &View) -> Result<Option<Arc<Client>>, Flaw> {
        let client = view.client(&self.client);
        match self.manager() {
            // A key manager speaks for the applications of its own tenant, whatever its tokens say.
            Some(manager) => Ok(client.filter(|client| *client.application.tenant() == manager.tenant)),
            None => client.ok_or(Flaw::Unknown).map(Some),
        }
    }

    fn user(&self, view: &View) -> Result<Option<Arc<User>>, Flaw> {
        let Some(name) = self.user.as_ref().filter(|_| self.manager().is_none()) else {
            return Ok(None);
        };
        let user = view.user(name).ok_or(Flaw::Unknown)?;
        // Somebody of the same name who came later is somebody else.
        if user.created <= self.issued {
            Ok(Some(user))
        } else {
            Err(Flaw::Unknown)
        }
    }

    fn manager(&self) -> Option<&KeyManager> {
        match &self.authority {
            Authority::Foreign(manager, _) | Authority::Introspected(manager) => Some(manager),
            Authority::Own(_) | Authority::Registry(_) => None,
        }
    }

    fn caller(&self, client: Option<&Client>) -> Caller {
        Caller {
            by: if self.manager().is_some() {
                Proof::ForeignToken
            } else {
                Proof::Token
            },
            application: client.map(|client| Arc::clone(&client.application)),
            key_type: client.map_or(KeyType::Production, |client| client.key_type),
            client: self.client.clone(),
            user: self.user.clone(),
            subject: self.subject.clone(),
            scopes: self.scopes.clone(),
            roles: self.roles.clone(),
            claims: self.claims.clone(),
            expires: Some(self.expires),
            digest: self.digest,
        }
    }
}

impl Standing {
    fn is(&self, client: &Option<Arc<Client>>, user: &Option<Arc<User>>) -> bool {
        is_same(self.client.as_ref(), client.as_ref()) && is_same(self.user.as_ref(), user.as_ref())
    }
}

/// Tells whether the registry said the same thing twice.
pub(super) fn is_same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Reads scopes that are separated by spaces, and sorts them.
pub(super) fn scopes<'a>(stated: impl Iterator<Item = &'a str>) -> Vec<Box<str>> {
    let mut scopes: Vec<Box<str>> = stated.filter(|scope| !scope.is_empty()).map(Into::into).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// Reads `name@tenant`.
pub(super) fn user_name(written: &str) -> Option<UserName> {
    let (name, tenant) = written.rsplit_once('@').filter(|(name, _)| !name.is_empty())?;
    Some(UserName {
        tenant: TenantName::parse(tenant).ok()?,
        name: name.to_owned(),
    })
}
