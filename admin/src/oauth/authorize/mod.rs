//! The authorization endpoint (RFC 6749, 4.1; RFC 9700; OpenID Connect Core, 3.1): what is asked, and what comes next.
//!
//! `request` reads what a client asks of a user, `redirect` says where the answer may go. Here it is decided whether
//! somebody must sign in, must agree, or is sent back with a code.

mod redirect;
mod request;

use uuid::Uuid;

use super::authority::Authority;
use super::error::{ErrorCode, OauthError};
use super::mint;
use super::random;
use super::session::Session;
use crate::registry::token::{AuthorizationCode, Digest, Granted};

pub use self::redirect::Return;
pub use self::request::{AuthorizationRequest, PARAMETERS, Prompt};

/// Why a request was refused.
#[derive(Debug)]
pub enum Refusal {
    /// Where the answer may go is not known: the user is told, and stays.
    Page(&'static str),
    /// The client is told.
    Return(String),
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// The user must agree to these scopes.
    Consent(Vec<String>),
    /// The client gets this answer.
    Return(String),
    /// Somebody must sign in.
    SignIn,
}

/// What has happened in answer to this very request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// The user has agreed, and had signed in as the request wants it.
    Agreed,
    /// Nothing yet.
    None,
    /// The user has just signed in.
    SignedIn,
}

/// Decides what comes next for somebody who may be signed in.
///
/// # Errors
///
/// Returns an error when no code can be made.
pub async fn decide(
    authority: &Authority,
    request: &AuthorizationRequest,
    session: Option<&Session>,
    progress: Progress,
) -> Result<Step, OauthError> {
    let fresh = session.filter(|session| is_fresh(authority, request, session, progress));
    let Some(session) = fresh else {
        return Ok(match request.prompt {
            Prompt::None => refuse(authority, request, ErrorCode::LoginRequired, "nobody is signed in"),
            Prompt::Any | Prompt::Consent | Prompt::Login | Prompt::LoginAndConsent => Step::SignIn,
        });
    };
    let scopes = scopes(authority, request, session)?;
    let must_ask = matches!(request.prompt, Prompt::Consent | Prompt::LoginAndConsent);
    let has_agreed = session.has_agreed(&request.client.consumer_key, &scopes) && !must_ask;
    if progress == Progress::Agreed || has_agreed {
        return issue(authority, request, session, scopes).await;
    }
    Ok(match request.prompt {
        Prompt::None => refuse(
            authority,
            request,
            ErrorCode::ConsentRequired,
            "the user has not agreed",
        ),
        Prompt::Any | Prompt::Consent | Prompt::Login | Prompt::LoginAndConsent => Step::Consent(scopes),
    })
}

/// Returns what a user would agree to: of what is asked for, what the user's roles allow.
///
/// # Errors
///
/// Returns `invalid_grant` when the user is not there any more.
pub fn scopes(
    authority: &Authority,
    request: &AuthorizationRequest,
    session: &Session,
) -> Result<Vec<String>, OauthError> {
    mint::scopes_of(authority, &session.user, &request.scopes)
}

/// Sends the user back with a no.
pub fn deny(authority: &Authority, request: &AuthorizationRequest) -> String {
    request.back.error(
        &authority.settings.issuer,
        ErrorCode::AccessDenied,
        "the user did not agree",
    )
}

fn refuse(authority: &Authority, request: &AuthorizationRequest, code: ErrorCode, why: &'static str) -> Step {
    Step::Return(request.back.error(&authority.settings.issuer, code, why))
}

/// Tells whether somebody is signed in as the request wants it.
fn is_fresh(authority: &Authority, request: &AuthorizationRequest, session: &Session, progress: Progress) -> bool {
    let user = authority.registry.view().user(&session.user);
    let is_there = user.is_some_and(|user| session.is_of(&user));
    if !is_there || !authority.is_served(&session.user.tenant) {
        return false;
    }
    if progress != Progress::None {
        return true;
    }
    let age = authority.now().0.saturating_sub(session.authenticated.0);
    let is_young = request.max_age.is_none_or(|most| age <= most);
    is_young && !matches!(request.prompt, Prompt::Login | Prompt::LoginAndConsent)
}

async fn issue(
    authority: &Authority,
    request: &AuthorizationRequest,
    session: &Session,
    scopes: Vec<String>,
) -> Result<Step, OauthError> {
    let code = random::token()?;
    let granted = Granted {
        consumer_key: request.client.consumer_key.clone(),
        user: Some(session.user.clone()),
        scopes,
        // Always of a family, so that a code that is shown twice can revoke what it led to.
        family: Some(Uuid::new_v4().to_string()),
        certificate: None,
    };
    let new = AuthorizationCode {
        digest: Digest::of(&code),
        granted,
        redirect_uri: request.back.uri.clone(),
        challenge: request.challenge.clone(),
        nonce: request.nonce.clone(),
        authenticated: session.authenticated,
        expires: authority.now().plus(authority.settings.lifetimes.code),
    };
    authority.registry.add_code(new).await?;
    Ok(Step::Return(request.back.code(&authority.settings.issuer, &code)))
}
