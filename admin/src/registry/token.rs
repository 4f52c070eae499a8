//! Tokens and codes as the registry knows them: by digest only.

use std::sync::Arc;

use sqlx::AnyConnection;

use super::rule::{broken, invalid};
use super::user::{UserName, missing};
use super::{Registry, Result, sql};
use crate::model::instant::UnixTime;

/// The SHA-256 of something that is random enough.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Digests a secret.
    pub fn of(secret: &str) -> Self {
        Self::of_bytes(secret.as_bytes())
    }

    /// Digests what is no text, such as a certificate.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut digest = [0; 32];
        digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
        Self(digest)
    }

    /// Returns its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time.
    pub fn is_of(&self, secret: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.0, &Self::of(secret).0).is_ok()
    }
}

/// What an access token stands for, whatever its form.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The consumer key of the client that it was issued to.
    pub consumer_key: String,
    /// The user who agreed; `None` for an application's own token.
    pub user: Option<UserName>,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// The family that it is revoked with, where it came with a refresh token or from a code.
    pub family: Option<String>,
    /// The SHA-256 of the certificate's DER that it is bound to (RFC 8705).
    pub certificate: Option<Digest>,
}

/// An opaque access token.
#[derive(Clone, Debug)]
pub struct TokenRecord {
    /// What it stands for.
    pub granted: Granted,
    /// When it was issued.
    pub issued: UnixTime,
    /// When it ends.
    pub expires: UnixTime,
}

/// An opaque access token to be recorded.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its digest.
    pub digest: Digest,
    /// What is known of it.
    pub record: Arc<TokenRecord>,
}

/// A refresh token.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    /// Its digest.
    pub digest: Digest,
    /// What the tokens of its family stand for; `family` is always there.
    pub granted: Granted,
    /// When the user signed in, where somebody did for it.
    pub authenticated: Option<UnixTime>,
    /// When it ends.
    pub expires: UnixTime,
}

/// What became of a refresh token that was shown.
#[derive(Clone, Debug)]
pub enum Rotated {
    /// It ended.
    Expired,
    /// It is used up; the next one is recorded.
    Next(Granted),
    /// It was used before: the family is revoked.
    Reused,
    /// Nobody issued it, or it was revoked.
    Unknown,
}

/// An authorization code (RFC 6749, 4.1) with its PKCE challenge (RFC 7636).
#[derive(Clone, Debug)]
pub struct AuthorizationCode {
    /// Its digest.
    pub digest: Digest,
    /// What it stands for; `family` names what it will lead to.
    pub granted: Granted,
    /// Where it was sent.
    pub redirect_uri: String,
    /// The S256 challenge.
    pub challenge: String,
    /// The OpenID `nonce`.
    pub nonce: Option<String>,
    /// When the user signed in.
    pub authenticated: UnixTime,
    /// When it ends.
    pub expires: UnixTime,
}

/// What became of an authorization code that was shown.
#[derive(Clone, Debug)]
pub enum Redeemed {
    /// It is taken, for the first time.
    Code(Box<AuthorizationCode>),
    /// It was taken before: what it led to is revoked.
    Reused,
    /// Nobody issued it, or it ended.
    Unknown,
}

impl Registry {
    /// Records an opaque access token.
    ///
    /// # Errors
    ///
    /// Fails when its client or user is not there, or its family was revoked.
    pub async fn add_token(&self, token: NewToken) -> Result<()> {
        let mut transaction = self.store.begin().await?;
        let granted = &token.record.granted;
        if let Some(family) = &granted.family {
            self.store.hold(&mut transaction, family).await?;
            refuse_revoked(&mut transaction, family).await?;
        }
        let user = number_of(&mut transaction, granted).await?;
        let inserted = sql::token::insert(&mut transaction, &token, user).await;
        inserted.map_err(|error| known(error, granted))?;
        transaction.commit().await?;
        self.view.put_token(token.digest, token.record);
        Ok(())
    }

    /// Finds an opaque access token that the view does not know, because another process issued it.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked.
    pub async fn find_token(&self, digest: &Digest, now: UnixTime) -> Result<Option<Arc<TokenRecord>>> {
        let Some(record) = sql::token::find(self.store.read(), digest).await? else {
            return Ok(None);
        };
        if record.expires <= now {
            return Ok(None);
        }
        self.view.put_token(*digest, Arc::new(record));
        // The view says no to what was revoked meanwhile.
        Ok(self.view.token(digest))
    }

    /// Tells whether an opaque access token or a refresh token was issued here, good or not.
    ///
    /// # Errors
    ///
    /// Fails when the database cannot be asked.
    pub async fn is_issued(&self, digest: &Digest) -> Result<bool> {
        let read = self.store.read();
        Ok(sql::token::find(read, digest).await?.is_some() || sql::refresh::find(read, digest).await?.is_some())
    }
}

/// Returns the number of the user that something is granted for.
pub(super) async fn number_of(db: &mut AnyConnection, granted: &Granted) -> Result<Option<i64>> {
    let Some(user) = &granted.user else { return Ok(None) };
    let number = sql::user::number(db, user).await?;
    number.map(Some).ok_or_else(|| missing(user))
}

/// Refuses to add to a family that was revoked.
pub(super) async fn refuse_revoked(db: &mut AnyConnection, family: &str) -> Result<()> {
    match sql::revocation::find_family(db, family).await? {
        Some(_) => Err(invalid("what this was granted with was revoked")),
        None => Ok(()),
    }
}

/// Says what is wrong with a token that the database refuses.
pub(super) fn known(error: sqlx::Error, granted: &Granted) -> super::RegistryError {
    let client = || format!("consumer key `{}`", granted.consumer_key);
    broken(error, || "this token".to_owned(), client)
}
