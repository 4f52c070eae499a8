//! What a client asks of a user, read with no leniency: code alone, PKCE with S256 always, nothing that we ignore.

use std::sync::Arc;

use super::redirect::is_registered;
use super::{Refusal, Return};
use crate::oauth::authority::Authority;
use crate::oauth::error::{ErrorCode, OauthError};
use crate::oauth::form::Form;
use crate::oauth::granting;
use crate::registry::key_pair::{Client, GrantType};

/// A request that makes sense, of a client that may make it.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: Arc<Client>,
    /// Where the answer goes.
    pub back: Return,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The S256 challenge.
    pub challenge: String,
    /// What the id token must repeat.
    pub nonce: Option<String>,
    /// What the user must or must not be asked.
    pub prompt: Prompt,
    /// How many seconds ago the user may have signed in.
    pub max_age: Option<u64>,
    /// Who the client believes the user is.
    pub login_hint: Option<String>,
    /// The request as it is asked again by the pages' forms.
    pub query: String,
    /// The request as somebody else would make it, who must sign in.
    pub query_of_another: String,
}

/// What the user must or must not be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Prompt {
    /// What is needed.
    Any,
    /// To agree, again.
    Consent,
    /// To sign in, again.
    Login,
    /// Both.
    LoginAndConsent,
    /// Nothing.
    None,
}

/// The parameters that mean something, in the order in which they are written.
pub const PARAMETERS: [&str; 12] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
];

impl AuthorizationRequest {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// Returns a page as long as it is not known where the client's answers go, and an answer from then on.
    pub fn read(authority: &Authority, form: &Form) -> Result<Self, Refusal> {
        let client = form
            .find("client_id")
            .and_then(|key| authority.registry.view().client(key))
            .filter(|client| authority.is_served(client.application.tenant()))
            .ok_or(Refusal::Page("The application that sent you here is not known."))?;
        let uri = form
            .find("redirect_uri")
            .filter(|uri| is_registered(&client, uri))
            .ok_or(Refusal::Page(
                "The application that sent you here asks for an answer at an address that it has not registered.",
            ))?;
        let back = Return {
            uri: uri.to_owned(),
            state: form.find("state").map(str::to_owned),
        };
        let refuse =
            |error: OauthError| Refusal::Return(back.error(&authority.settings.issuer, error.code, &error.description));
        Self::read_rest(form, client, back.clone()).map_err(refuse)
    }

    fn read_rest(form: &Form, client: Arc<Client>, back: Return) -> Result<Self, OauthError> {
        refuse_what_is_not_supported(form)?;
        if !client.grants.contains(&GrantType::AuthorizationCode) {
            return Err(OauthError::new(
                ErrorCode::UnauthorizedClient,
                "the client may not use this grant",
            ));
        }
        let max_age = form.find("max_age").map(str::parse).transpose();
        Ok(Self {
            client,
            back,
            scopes: granting::requested(form.find("scope"))?,
            challenge: challenge(form)?.to_owned(),
            nonce: short(form, "nonce")?,
            prompt: prompt(form)?,
            max_age: max_age.map_err(|_| OauthError::request("max_age is no number of seconds"))?,
            login_hint: short(form, "login_hint")?,
            query: form.encode(&PARAMETERS),
            query_of_another: format!(
                "{}&prompt=login",
                form.encode(&PARAMETERS.map(|name| { if name == "prompt" { "" } else { name } }))
            ),
        })
    }
}

fn refuse_what_is_not_supported(form: &Form) -> Result<(), OauthError> {
    let refused = |code, why| Err(OauthError::new(code, why));
    if form.find("request").is_some() {
        return refused(ErrorCode::RequestNotSupported, "request objects are not taken");
    }
    if form.find("request_uri").is_some() {
        return refused(ErrorCode::RequestUriNotSupported, "request objects are not fetched");
    }
    if form.require("response_type")? != "code" {
        return refused(
            ErrorCode::UnsupportedResponseType,
            "only response_type code is answered",
        );
    }
    if form.find("response_mode").is_some_and(|mode| mode != "query") {
        return refused(ErrorCode::InvalidRequest, "only response_mode query is answered");
    }
    if form.find("state").is_some_and(|state| state.len() > LONGEST_STATE) {
        return refused(ErrorCode::InvalidRequest, "state is too long");
    }
    Ok(())
}

/// Reads the challenge. Without a method it would be `plain`, which protects from nobody who sees the request.
fn challenge(form: &Form) -> Result<&str, OauthError> {
    let challenge = form.require("code_challenge")?;
    if form.find("code_challenge_method") != Some("S256") {
        return Err(OauthError::request("code_challenge_method must be S256"));
    }
    let is_digest = challenge.len() == 43
        && challenge
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_digest {
        return Err(OauthError::request("code_challenge is no SHA-256 in base64url"));
    }
    Ok(challenge)
}

fn prompt(form: &Form) -> Result<Prompt, OauthError> {
    let mut prompt = Prompt::Any;
    for word in form
        .find("prompt")
        .unwrap_or_default()
        .split(' ')
        .filter(|word| !word.is_empty())
    {
        prompt = match (prompt, word) {
            (Prompt::Any, "none") => Prompt::None,
            (Prompt::Any | Prompt::Login, "login" | "select_account") => Prompt::Login,
            (Prompt::Any | Prompt::Consent, "consent") => Prompt::Consent,
            (Prompt::Consent | Prompt::LoginAndConsent, "login" | "select_account")
            | (Prompt::Login | Prompt::LoginAndConsent, "consent") => Prompt::LoginAndConsent,
            _ => return Err(OauthError::request("prompt is not understood")),
        };
    }
    Ok(prompt)
}

fn short(form: &Form, name: &'static str) -> Result<Option<String>, OauthError> {
    match form.find(name) {
        Some(value) if value.len() > LONGEST => Err(OauthError::request(format!("{name} is too long"))),
        value => Ok(value.map(str::to_owned)),
    }
}

const LONGEST: usize = 512;
const LONGEST_STATE: usize = 2_048;
