//! What flaws, states and kinds are called when they are told to people.

use crate::credential::Flaw;
use crate::credential::caller::{Caller, Proof};
use crate::model::auth::AuthType;
use crate::model::lifecycle::LifecycleState;
use crate::stages::recorder::Credential;

/// Says what is wrong with a credential.
pub(super) fn flaw(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Audience => "it is meant for somebody else",
        Flaw::Binding => "it is bound to a certificate that was not shown",
        Flaw::Expired => "it has ended",
        Flaw::Issuer => "its issuer is not known, or not one that the version takes",
        Flaw::Key => "what it was signed with is not known, or not by that algorithm",
        Flaw::Malformed => "it is not built as it should be",
        Flaw::NotYet => "it has not begun",
        Flaw::Restricted => "it is not taken from where the caller is",
        Flaw::Revoked => "it was revoked",
        Flaw::Signature => "its signature, its password or its digest is wrong",
        Flaw::Slowed => "too many were tried before it",
        Flaw::Unknown => "it, its application, its user or its certificate is not known",
        Flaw::Unreachable => "what would have to be asked does not answer",
    }
}

/// Says what is wrong with a credential; something else where nothing is.
pub(super) fn flaw_or(found: Option<Flaw>, other: &str) -> String {
    found.map_or_else(|| other.to_owned(), |found| format!("the credential: {}", flaw(found)))
}

/// Names the claim that fails, where a token fails by one.
pub(super) fn claim(kind: Credential, flaw: Flaw) -> Option<&'static str> {
    if kind != Credential::Bearer {
        return None;
    }
    match flaw {
        Flaw::Audience => Some("aud"),
        Flaw::Binding => Some("cnf"),
        Flaw::Expired => Some("exp"),
        Flaw::Issuer => Some("iss"),
        Flaw::Key => Some("kid"),
        Flaw::NotYet => Some("nbf"),
        Flaw::Revoked => Some("jti"),
        Flaw::Unknown => Some("client_id, sub"),
        Flaw::Malformed | Flaw::Restricted | Flaw::Signature | Flaw::Slowed | Flaw::Unreachable => None,
    }
}

/// Names what a resource demands as a catalog does.
pub(super) fn auth(auth: AuthType) -> &'static str {
    match auth {
        AuthType::Any => "any",
        AuthType::Application => "application",
        AuthType::ApplicationUser => "application_user",
        AuthType::None => "none",
    }
}

/// Names a state as a catalog does.
pub(super) fn state(state: LifecycleState) -> &'static str {
    match state {
        LifecycleState::Created => "created",
        LifecycleState::Prototyped => "prototyped",
        LifecycleState::Published => "published",
        LifecycleState::Blocked => "blocked",
        LifecycleState::Deprecated => "deprecated",
        LifecycleState::Retired => "retired",
    }
}

/// Names what proved a caller.
pub(super) fn proof(by: Proof) -> &'static str {
    match by {
        Proof::ApiKey => "api key",
        Proof::Basic => "password",
        Proof::Certificate => "certificate",
        Proof::ForeignToken => "token of another issuer",
        Proof::Token => "token",
    }
}

/// Says who calls, in one line.
pub(super) fn caller(caller: &Caller) -> String {
    let mut text = proof(caller.by).to_owned();
    match &caller.user {
        Some(user) => text.push_str(&format!(" of the user {user}")),
        None if caller.by == Proof::Certificate => text.push_str(&format!(" of {}", caller.subject)),
        None => {}
    }
    match &caller.application {
        Some(application) => {
            let key_type = caller.key_type.word().to_lowercase();
            text.push_str(&format!(" by the application {}, {key_type} key", application.name));
        }
        None if !caller.client.is_empty() => text.push_str(&format!(" by the unregistered client {}", caller.client)),
        None => {}
    }
    text
}

/// Lists words in backquotes; says so where there is none.
pub(super) fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    if quoted.is_empty() {
        "none".to_owned()
    } else {
        quoted.join(", ")
    }
}
