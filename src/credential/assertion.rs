//! What a backend is told of the caller: a signed statement (W 9), made once and used until it is about to end.
//!
//! It ends with the caller's credential, but never within half a minute: a call may come with a credential that is about
//! to end, or, within the leeway, has just ended elsewhere, and its backend must be able to tell what we say of it from
//! what somebody kept. So it outlives the credential by that much at most.
//!
//! Its end is written in seconds, as RFC 7519 has it; W wrote milliseconds. It is signed with the key, and by the
//! algorithm, that signs the gateway's own tokens, so that backends find it in the same JWK set.

use std::sync::Arc;

use http::HeaderValue;
use jsonwebtoken::Header;
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use tracing::error;

use super::Credentials;
use super::caller::Caller;
use crate::model::instant::UnixTime;
use crate::model::name::ROOT_TENANT;
use crate::oauth::keys::SigningKey;
use crate::registry::key_pair::KeyType;
use crate::registry::token::Digest;
use crate::snapshot::Version;

/// The statements that were made.
#[derive(Debug)]
pub(super) struct Assertions(Cache<Digest, (HeaderValue, UnixTime)>);

/// What a statement is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Who calls.
    pub caller: &'a Caller,
    /// What is called.
    pub version: &'a Version,
    /// Whether any subscription to the Api counts, because no version was named.
    pub by_default: bool,
}

impl Assertions {
    pub(super) fn new() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Credentials {
    /// Makes the statement about a caller, or returns the one that is still good; nothing, where nothing can be signed.
    ///
    /// Signing takes about a millisecond and is done aside.
    pub async fn assertion(&self, about: Subject<'_>, now: UnixTime) -> Option<HeaderValue> {
        let keys = self.keys.as_ref()?;
        let claims = claims(about, self);
        // What it says of the registry is part of what it is known by, so a change makes a new one.
        let known_by = [
            &about.caller.digest.0[..],
            Value::Object(claims.clone()).to_string().as_bytes(),
        ]
        .concat();
        let digest = Digest::of_bytes(&known_by);
        if self.assertions.0.get(&digest).is_some_and(|(_, until)| now >= until) {
            self.assertions.0.remove(&digest);
        }
        let make = async {
            let ends = ends(about.caller.expires, now);
            let key = keys.current(now);
            let signed = tokio::task::spawn_blocking(move || signed(claims, &key, (now, ends))).await;
            let field = signed.ok().flatten().ok_or(())?;
            // A short one is used for as long as it has half a minute left, which may be this second.
            let margin = if ends.0 > now.0 + 2 * MARGIN { MARGIN } else { LEAST };
            let until = UnixTime(ends.0.saturating_sub(margin)).max(now.plus(1));
            Ok::<_, ()>((field, until))
        };
        let made = self.assertions.0.get_or_insert_async(&digest, make).await;
        made.ok().map(|(field, _)| field)
    }
}

/// Returns when a statement ends whose caller's credential ends then.
fn ends(credential: Option<UnixTime>, now: UnixTime) -> UnixTime {
    let latest = now.plus(LIFE);
    credential.map_or(latest, |ends| ends.clamp(now.plus(LEAST), latest))
}

fn signed(
    mut claims: Map<String, Value>,
    key: &Arc<SigningKey>,
    (now, ends): (UnixTime, UnixTime),
) -> Option<HeaderValue> {
    claims.insert("iat".to_owned(), now.0.into());
    claims.insert("exp".to_owned(), ends.0.into());
    let header = Header {
        kid: Some(key.kid.clone()),
        ..Header::new(key.algorithm)
    };
    let token = jsonwebtoken::encode(&header, &claims, &key.key)
        .inspect_err(|error| error!(%error, "a statement for a backend cannot be signed"))
        .ok()?;
    HeaderValue::try_from(token).ok()
}

fn claims(about: Subject<'_>, credentials: &Credentials) -> Map<String, Value> {
    let Subject {
        caller,
        version,
        by_default,
    } = about;
    let mut claims = Map::new();
    let mut say = |name: &str, value: &str| claims.insert([DIALECT, name].concat(), value.into());
    say("apicontext", &version.context);
    say("version", &version.version);
    say(
        "keytype",
        match caller.key_type {
            KeyType::Production => "PRODUCTION",
            KeyType::Sandbox => "SANDBOX",
        },
    );
    say(
        "usertype",
        if caller.user.is_some() {
            "APPLICATION_USER"
        } else {
            "APPLICATION"
        },
    );
    say(
        "enduser",
        &match &caller.user {
            Some(user) => format!("{}@{}", user.name, user.tenant),
            None => caller.subject.clone(),
        },
    );
    let tenant = caller.user.as_ref().map(|user| user.tenant.as_str());
    if tenant == Some(ROOT_TENANT) {
        say("enduserTenantId", "-1234");
    }
    if let Some(application) = &caller.application {
        say(
            "subscriber",
            &format!("{}@{}", application.owner.name, application.owner.tenant),
        );
        say("applicationid", &application.id.0.to_string());
        say("applicationUUId", &application.uuid);
        say("applicationname", &application.name);
        say("applicationtier", application.tier.as_str());
        let names = version.names();
        let named = credentials.view.subscription(application.id, names);
        let any = || {
            credentials
                .view
                .any_subscription(application.id, (names.0, names.1))
                .filter(|_| by_default)
        };
        if let Some(subscription) = named.or_else(any) {
            say("tier", subscription.tier.as_str());
        }
    }
    claims.insert("iss".to_owned(), ISSUER.into());
    claims
}

const DIALECT: &str = "http://wso2.org/claims/";
const ISSUER: &str = "wso2.org/products/am";
const REMEMBERED: usize = 10_000;
/// Seconds for which a statement is good, unless its caller's credential ends before.
const LIFE: u64 = 900;
/// Seconds before its end at which another one is made.
const MARGIN: u64 = 60;
/// Seconds for which a statement is good, however soon its caller's credential ends.
const LEAST: u64 = 30;
