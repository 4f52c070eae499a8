//! `/admin/v1/applications/{uuid}/keys`: the consumer keys of an application. A secret is shown once, when it is made.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::applications::{Numbered, find, managed};
use super::audit::{Deed, state};
use super::body::Sent;
use super::etag::Condition;
use super::openapi::told;
use super::principal::Principal;
use super::query::{At, List, Page, path};
use super::reply::{Gone, Made, One};
use super::{Answer, Means};
use crate::http::problem::Problem;
use crate::registry::application::Application;
use crate::registry::key_pair::{Client, ClientProof, GrantType, Issued, KeyType, NewKeyPair, Terms};
use crate::registry::token::Digest;

/// A consumer key: what it may do and how it proves itself.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Key")]
struct Document {
    /// The consumer key; it is given.
    #[serde(default)]
    consumer_key: Option<String>,
    /// Which endpoints it leads to; an application has one of each.
    key_type: KeyType,
    /// By which grants it may have tokens.
    #[serde(default)]
    grants: Vec<GrantType>,
    /// Where codes may be sent.
    #[serde(default)]
    redirect_uris: Vec<String>,
    /// Whether it has no secret and proves itself by PKCE alone.
    #[serde(default)]
    public: bool,
    /// Its public keys, for `private_key_jwt` (RFC 7523).
    #[serde(default)]
    jwks: Option<Value>,
    /// The SHA-256 of its certificate's DER in hexadecimal, for `self_signed_tls_client_auth` (RFC 8705).
    #[serde(default)]
    certificate: Option<String>,
}

/// A consumer key and its secret, which is not shown again.
#[derive(Debug, JsonSchema, Serialize)]
struct IssuedKey {
    /// The consumer key.
    consumer_key: String,
    /// The consumer secret; null for a public client, which has none.
    consumer_secret: Option<String>,
    /// What it may do.
    key: Document,
}

/// A key in the path.
#[derive(Debug, Deserialize, JsonSchema)]
struct Keyed {
    /// The application's uuid.
    uuid: String,
    /// The consumer key.
    consumer_key: String,
}

impl Document {
    fn of(client: &Client) -> Self {
        let proof = &client.proof;
        Self {
            consumer_key: Some(client.consumer_key.clone()),
            key_type: client.key_type,
            grants: client.grants.clone(),
            redirect_uris: client.redirect_uris.clone(),
            public: proof.is_public,
            // What the registry has is JSON.
            jwks: proof.jwks.as_deref().and_then(|jwks| serde_json::from_str(jwks).ok()),
            certificate: proof.certificate.map(|digest| hex::encode(digest.0)),
        }
    }

    fn terms(self) -> Answer<Terms> {
        let certificate = self.certificate.map(|text| {
            let mut bytes = [0; 32];
            let read = hex::decode_to_slice(text, &mut bytes);
            read.map(|()| Digest(bytes))
                .map_err(|_| Problem::flawed("/certificate", "it is 64 hexadecimal digits"))
        });
        Ok(Terms {
            grants: self.grants,
            redirect_uris: self.redirect_uris,
            proof: ClientProof {
                jwks: self.jwks.map(|jwks| jwks.to_string()),
                certificate: certificate.transpose()?,
                is_public: self.public,
            },
        })
    }
}

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let all = get_with(
        list,
        told("applications", "listKeys", "Lists the consumer keys of an application"),
    )
    .post_with(
        make,
        told(
            "applications",
            "makeKey",
            "Makes a consumer key; its secret is shown once",
        ),
    );
    let one = get_with(show, told("applications", "getKey", "Tells what a consumer key may do"))
        .put_with(
            put,
            told("applications", "putKey", "Changes what a consumer key may do"),
        )
        .delete_with(
            delete,
            told("applications", "deleteKey", "Deletes a consumer key with its tokens"),
        );
    let secret = post_with(
        renew,
        told("applications", "renewSecret", "Makes another secret; the old one ends"),
    );
    ApiRouter::new()
        .api_route("/admin/v1/applications/{uuid}/keys", all)
        .api_route("/admin/v1/applications/{uuid}/keys/{consumer_key}", one)
        .api_route("/admin/v1/applications/{uuid}/keys/{consumer_key}/secret", secret)
}

async fn list(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Numbered>,
    asked: List,
) -> Answer<Page<Document>> {
    let application = find(&means, &who, &of.uuid)?;
    who.narrow(asked.tenant.as_ref())?;
    let clients = means.registry().view().clients_of(application.id);
    let clients = clients.iter().filter(|client| asked.is_wanted(&client.consumer_key));
    Ok(asked.page(clients.map(|client| Document::of(client))))
}

async fn show(State(means): State<Arc<Means>>, who: Principal, At(of): At<Keyed>) -> Answer<One<Document>> {
    let application = find(&means, &who, &of.uuid)?;
    Ok(One::of(&Document::of(&*client(
        &means,
        &application,
        &of.consumer_key,
    )?)))
}

async fn make(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Numbered>,
    Sent(sent): Sent<Document>,
) -> Answer<Made<IssuedKey>> {
    let application = managed(&means, &who, &of.uuid)?;
    if sent.consumer_key.is_some() {
        return Err(Problem::flawed(
            "/consumer_key",
            "the consumer key is given, not asked for",
        ));
    }
    let key_type = sent.key_type;
    let terms = sent.terms()?;
    let new = NewKeyPair {
        application: application.id,
        key_type,
        grants: terms.grants,
        redirect_uris: terms.redirect_uris,
        proof: terms.proof,
        given: None,
    };
    let issued = means.registry().add_key_pair(new, means.authority.now()).await?;
    let after = Document::of(&*client(&means, &application, &issued.consumer_key)?);
    note(&means, &who, (&application, "make"), (None, Some(&after))).await;
    let place = path(&["applications", &of.uuid, "keys", &issued.consumer_key], None);
    Ok(Made::made(place, &told_once(issued, after)))
}

async fn put(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Keyed>,
    meant: Condition,
    Sent(sent): Sent<Document>,
) -> Answer<One<Document>> {
    let _turn = means.turn().await;
    let application = managed(&means, &who, &of.uuid)?;
    let before = Document::of(&*client(&means, &application, &of.consumer_key)?);
    meant.check_of(Some(&before))?;
    if sent.consumer_key.is_some() && sent.consumer_key != before.consumer_key {
        return Err(Problem::flawed(
            "/consumer_key",
            "a key keeps its name; it is that of the path",
        ));
    }
    if sent.key_type != before.key_type {
        return Err(Problem::flawed(
            "/key_type",
            "a key keeps its type; make one of the other type",
        ));
    }
    means.registry().set_key_pair(&of.consumer_key, &sent.terms()?).await?;
    let after = Document::of(&*client(&means, &application, &of.consumer_key)?);
    note(&means, &who, (&application, "put"), (Some(&before), Some(&after))).await;
    Ok(One::of(&after))
}

async fn delete(State(means): State<Arc<Means>>, who: Principal, At(of): At<Keyed>, meant: Condition) -> Answer<Gone> {
    let _turn = means.turn().await;
    let application = managed(&means, &who, &of.uuid)?;
    let before = Document::of(&*client(&means, &application, &of.consumer_key)?);
    meant.check_of(Some(&before))?;
    means.registry().delete_key_pair(&of.consumer_key).await?;
    note(&means, &who, (&application, "delete"), (Some(&before), None)).await;
    Ok(Gone::done())
}

async fn renew(State(means): State<Arc<Means>>, who: Principal, At(of): At<Keyed>) -> Answer<One<IssuedKey>> {
    let _turn = means.turn().await;
    let application = managed(&means, &who, &of.uuid)?;
    let key = Document::of(&*client(&means, &application, &of.consumer_key)?);
    let issued = means.registry().regenerate_secret(&of.consumer_key).await?;
    note(&means, &who, (&application, "renew_secret"), (Some(&key), Some(&key))).await;
    Ok(One::of(&told_once(issued, key)))
}

fn told_once(issued: Issued, key: Document) -> IssuedKey {
    IssuedKey {
        consumer_key: issued.consumer_key,
        consumer_secret: Some(issued.consumer_secret).filter(|secret| !secret.is_empty()),
        key,
    }
}

/// Finds a key of an application.
fn client(means: &Means, application: &Application, consumer_key: &str) -> Answer<Arc<Client>> {
    let found = means.registry().view().client(consumer_key);
    let found = found.filter(|client| client.application.id == application.id);
    found.ok_or_else(|| Problem::missing("the application has no such consumer key"))
}

async fn note(
    means: &Means,
    who: &Principal,
    (application, action): (&Application, &'static str),
    (before, after): (Option<&Document>, Option<&Document>),
) {
    let key = before.or(after).and_then(|key| key.consumer_key.clone());
    let deed = Deed {
        action,
        object: format!("key {} of application {}", key.unwrap_or_default(), application.name),
        before: before.and_then(state),
        after: after.and_then(state),
        revision: None,
    };
    means.note(who, application.tenant(), deed).await;
}
