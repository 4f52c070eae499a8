//! The key pairs of applications: made, given another secret, and by what else they prove themselves.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::Desk;
use super::failure::Failure;
use super::table::Told;
use crate::credential::now;
use crate::registry::application::Application;
use crate::registry::client_certificate::believe_certificate;
use crate::registry::key_pair::{Client, ClientProof, GrantType, Issued, KeyType, NewKeyPair, Terms};
use crate::registry::token::Digest;

/// A wish for keys.
#[derive(Args, Clone, Debug)]
pub(super) struct Keys {
    /// The application's name or uuid
    #[arg(value_name = "APPLICATION")]
    name: String,
    /// For the sandbox instead of production
    #[arg(long)]
    sandbox: bool,
    /// Make another secret for the pair that is there; the old one ends now
    #[arg(long, conflicts_with_all = ["grant", "redirect_uri", "public", "jwks", "certificate"])]
    regenerate: bool,
    /// A grant by which it may have tokens; may be repeated [default: all but authorization_code without a redirect URI]
    #[arg(long, value_enum, value_name = "GRANT")]
    grant: Vec<Grant>,
    /// Where authorization codes may be sent; may be repeated
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// It keeps no secret, as an app in a browser or on a phone: it proves itself by PKCE
    #[arg(long, requires = "redirect_uri", conflicts_with_all = ["jwks", "certificate"])]
    public: bool,
    /// A file with its public keys, a JWK set, by which it proves itself (private_key_jwt); replaces those of a pair that
    /// is there
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// A file with its certificate as PEM, self-signed or not, by which it proves itself over TLS
    /// (self_signed_tls_client_auth); its tokens are bound to it. Replaces that of a pair that is there
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Grant {
    AuthorizationCode,
    ClientCredentials,
    JwtBearer,
    Password,
    RefreshToken,
    TokenExchange,
}

impl Grant {
    fn believed(self) -> GrantType {
        match self {
            Self::AuthorizationCode => GrantType::AuthorizationCode,
            Self::ClientCredentials => GrantType::ClientCredentials,
            Self::JwtBearer => GrantType::JwtBearer,
            Self::Password => GrantType::Password,
            Self::RefreshToken => GrantType::RefreshToken,
            Self::TokenExchange => GrantType::TokenExchange,
        }
    }
}

/// What a file says that a client proves itself by.
struct Shown {
    jwks: Option<String>,
    certificate: Option<Digest>,
}

impl Keys {
    pub(super) fn application(&self) -> &str {
        &self.name
    }

    fn key_type(&self) -> KeyType {
        if self.sandbox {
            KeyType::Sandbox
        } else {
            KeyType::Production
        }
    }

    fn shown(&self) -> Result<Shown, Failure> {
        let certificate = match self.certificate.as_deref() {
            Some(file) => Some(certificate(file)?),
            None => None,
        };
        Ok(Shown {
            jwks: self.jwks.as_deref().map(|file| read(file, "public keys")).transpose()?,
            certificate,
        })
    }

    /// Tells whether nothing of a pair is to change but what it proves itself by.
    fn is_proof_alone(&self) -> bool {
        let shows = self.jwks.is_some() || self.certificate.is_some();
        shows && !self.regenerate && self.grant.is_empty() && self.redirect_uri.is_empty()
    }

    /// Tells whether there is a secret to tell.
    fn has_secret(&self) -> bool {
        !self.public && self.jwks.is_none() && self.certificate.is_none()
    }
}

/// Makes a key pair, or changes the one that is there.
pub(super) async fn run(desk: &Desk, application: &Application, keys: &Keys) -> Result<Told, Failure> {
    let shown = keys.shown()?;
    let mut clients = desk.view().clients_of(application.id);
    clients.retain(|client| client.key_type == keys.key_type());
    let issued = match (clients.first(), keys.regenerate) {
        (Some(client), true) => desk.registry.regenerate_secret(&client.consumer_key).await?,
        (Some(client), false) if keys.is_proof_alone() => return prove_by(desk, client, shown).await,
        (None, false) => {
            let pair = new_pair(application, keys, shown);
            desk.registry.add_key_pair(pair, now()).await?
        }
        (Some(client), false) => {
            let known = format!(
                "{} has the consumer key {} already",
                application.name, client.consumer_key
            );
            return Err(Failure::refused(known).help("`--regenerate` makes another secret for it; the old one ends"));
        }
        (None, true) => {
            let none = format!("{} has no such key pair", application.name);
            return Err(Failure::refused(none).help("leave `--regenerate` out to make one"));
        }
    };
    let what = if keys.regenerate { "renew_secret" } else { "make" };
    let object = format!("key {} of application {}", issued.consumer_key, application.name);
    desk.done(what, object, application.tenant()).await?;
    tell(application, keys, &issued)
}

/// Says what was made; a secret that nobody needs is not told.
fn tell(application: &Application, keys: &Keys, issued: &Issued) -> Result<Told, Failure> {
    let mut told = json!({
        "application": application.name, "type": written(keys.key_type()), "consumer_key": issued.consumer_key,
    });
    if !keys.has_secret() {
        return Told::new(told, format!("consumer key: {}", issued.consumer_key));
    }
    if let Some(told) = told.as_object_mut() {
        told.insert("consumer_secret".to_owned(), issued.consumer_secret.as_str().into());
    }
    let text = format!(
        "consumer key:    {}\nconsumer secret: {}\nThe secret is shown this once.",
        issued.consumer_key, issued.consumer_secret
    );
    Told::new(told, text)
}

/// Lets a key pair that is there prove itself by something else, or by it for the first time.
async fn prove_by(desk: &Desk, client: &Client, shown: Shown) -> Result<Told, Failure> {
    let by = match (&shown.jwks, &shown.certificate) {
        (Some(_), Some(_)) => "these public keys and this certificate",
        (Some(_), None) => "these public keys",
        (None, _) => "this certificate",
    };
    let before = &client.proof;
    let terms = Terms {
        grants: client.grants.clone(),
        redirect_uris: client.redirect_uris.clone(),
        proof: ClientProof {
            jwks: shown.jwks.or_else(|| before.jwks.clone()),
            certificate: shown.certificate.or(before.certificate),
            is_public: before.is_public,
        },
    };
    desk.registry.set_key_pair(&client.consumer_key, &terms).await?;
    let object = format!("key {} of application {}", client.consumer_key, client.application.name);
    desk.done("put", object, client.application.tenant()).await?;
    let told = json!({ "application": client.application.name, "consumer_key": client.consumer_key });
    Told::new(told, format!("{} proves itself by {by} now", client.consumer_key))
}

fn new_pair(application: &Application, keys: &Keys, shown: Shown) -> NewKeyPair {
    let all = <Grant as ValueEnum>::value_variants();
    let fits = |grant: &Grant| match grant {
        Grant::AuthorizationCode => !keys.redirect_uri.is_empty(),
        // Whoever keeps no secret cannot speak for the application alone (RFC 6749, 4.4).
        Grant::ClientCredentials | Grant::JwtBearer | Grant::Password | Grant::TokenExchange => !keys.public,
        Grant::RefreshToken => true,
    };
    let grants = if keys.grant.is_empty() {
        all.iter().copied().filter(fits).collect()
    } else {
        keys.grant.clone()
    };
    NewKeyPair {
        application: application.id,
        key_type: keys.key_type(),
        grants: grants.into_iter().map(Grant::believed).collect(),
        redirect_uris: keys.redirect_uri.clone(),
        proof: ClientProof {
            jwks: shown.jwks,
            certificate: shown.certificate,
            is_public: keys.public,
        },
        given: None,
    }
}

fn certificate(file: &Path) -> Result<Digest, Failure> {
    let text = read(file, "certificate")?;
    believe_certificate(&text).map_err(|error| Failure::refused(format!("{}: {error}", file.display())))
}

fn read(file: &Path, what: &str) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|reason| {
        Failure::refused(format!("the {what} in `{}` cannot be read: {reason}", file.display()))
            .help("name a text file that you may read, relative to where you are")
    })
}

/// Names the kind of a key.
pub(super) fn written(key_type: KeyType) -> &'static str {
    match key_type {
        KeyType::Production => "production",
        KeyType::Sandbox => "sandbox",
    }
}
