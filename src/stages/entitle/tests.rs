//! Who may call which version, with a registry as it is: SQLite in a directory of its own, and the view over it.

use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::credential::caller::{Caller, Proof};
use crate::head::{Head, Scheme};
use crate::model::catalog::Catalog;
use crate::model::instant::UnixTime;
use crate::model::name::{ApiName, TenantName, TierName, VersionName};
use crate::model::source::{NoReferences, Source};
use crate::registry::Registry;
use crate::registry::application::{Application, ApplicationId, NewApplication, TokenType};
use crate::registry::subscription::{NewSubscription, Subscribed, SubscriptionId};
use crate::registry::token::Digest;
use crate::registry::user::{NewUser, UserName};
use crate::snapshot::compile;
use crate::stages::recorder::Silent;
use crate::stages::{direct, locate, pin_version};
use crate::target::Target;

const NOW: UnixTime = UnixTime(1_000);

/// Compiles a catalog of the tenants `acme.example` and `globex.example`, and this text.
pub(in crate::stages) fn catalog(text: &str) -> Snapshot {
    let tenants = "[[tenants]]\ndomain = \"acme.example\"\n[[tenants]]\ndomain = \"globex.example\"\n";
    let source = |name: &str, text: &str| Source {
        name: name.into(),
        text: text.into(),
    };
    let sources = [source("a.toml", text), source("tenants.toml", tenants)];
    let catalog = Catalog::believe(&sources, &NoReferences).unwrap_or_else(|found| panic!("{found:#?}"));
    compile(1, &catalog).unwrap_or_else(|found| panic!("{found:#?}"))
}

/// Writes an API `/pets` of `carbon.super` whose versions 1.0 and 2.0 state these lines; 1.0 is the default.
fn pets(lines: &str, endpoints: &str) -> Snapshot {
    let version = |label: &str| {
        format!(
            "[[versions]]\nversion = \"{label}\"\nstate = \"published\"\n{lines}\nendpoints = {{ {endpoints} }}\n\
             resources = [{{ path = \"/\", methods = [\"GET\"] }}]\n"
        )
    };
    let head = "name = \"Pets\"\ncontext = \"/pets\"\ndefault_version = \"1.0\"\n";
    catalog(&format!("{head}{}{}", version("1.0"), version("2.0")))
}

const PRODUCTION: &str = "production = \"http://127.0.0.1:9\"";
const SANDBOX: &str = "sandbox = \"http://127.0.0.1:9\"";

/// Pins the version that a path names.
pub(in crate::stages) fn pinned<'a>(snapshot: &Snapshot, path: &'a str) -> Pinned<'a> {
    let (method, headers) = (http::Method::GET, http::HeaderMap::new());
    let head = Head {
        method: &method,
        path: path.as_bytes(),
        target_bytes: path.len(),
        query: "",
        certificate: None,
        host: Some("any.test"),
        headers: &headers,
        raw: b"",
        scheme: Scheme::Http,
        client: [127, 0, 0, 1].into(),
    };
    let target = Target::parse(path.as_bytes()).unwrap();
    let located = locate::locate(&head, target, snapshot).unwrap();
    pin_version::pin_version(&head, located, snapshot, &mut Silent).unwrap()
}

pub(in crate::stages) fn name(text: &str) -> UserName {
    let (name, tenant) = text.split_once('@').unwrap();
    UserName {
        tenant: TenantName::parse(tenant).unwrap(),
        name: name.to_owned(),
    }
}

/// Makes somebody who was proven in this way, without an application.
pub(in crate::stages) fn somebody(by: Proof) -> Caller {
    Caller {
        by,
        application: None,
        key_type: KeyType::Production,
        client: String::new(),
        user: None,
        subject: "somebody".to_owned(),
        scopes: Vec::new(),
        roles: Vec::new(),
        claims: Default::default(),
        expires: None,
        digest: Digest([0; 32]),
    }
}

/// A registry, and the user `owner@tenant` with an application in each tenant that was asked for.
pub(in crate::stages) struct World {
    pub(in crate::stages) registry: Registry,
    _directory: TempDir,
}

impl World {
    pub(in crate::stages) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let registry = Registry::open("sqlite", directory.path(), NOW).await.unwrap();
        Self {
            registry,
            _directory: directory,
        }
    }

    pub(in crate::stages) async fn user(&self, text: &str, roles: &[&str]) -> UserName {
        let user = NewUser {
            name: name(text),
            password: "correct horse battery staple".to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        self.registry.add_user(user, NOW).await.unwrap();
        name(text)
    }

    pub(in crate::stages) async fn application(&self, owner: &UserName) -> Arc<Application> {
        let application = NewApplication {
            name: "App".to_owned(),
            owner: owner.clone(),
            tier: TierName::parse("Unlimited").unwrap(),
            token_type: TokenType::Jwt,
        };
        let id = self.registry.add_application(application, NOW).await.unwrap();
        self.registry.view().application(id).unwrap()
    }

    async fn subscribe(&self, application: ApplicationId, version: &str, state: SubscriptionState) -> SubscriptionId {
        let subscription = NewSubscription {
            application,
            to: Subscribed {
                tenant: TenantName::root(),
                api: ApiName::parse("Pets").unwrap(),
                version: VersionName::parse(version).unwrap(),
            },
            tier: TierName::parse("Unlimited").unwrap(),
            state,
        };
        self.registry.subscribe(subscription, NOW).await.unwrap()
    }

    /// Asks whether a caller may call what a path names; returns the code of the refusal.
    fn answer(&self, caller: &Caller, snapshot: &Snapshot, path: &str) -> Result<Option<SubscriptionId>, Denial> {
        entitle(
            caller,
            &pinned(snapshot, path),
            snapshot,
            self.registry.view(),
            &mut Silent,
        )
        .map(|found| found.map(|subscription| subscription.id))
        .map_err(|refusal| refusal.denial)
    }
}

/// Makes a caller with a token of an application.
fn with(application: &Arc<Application>, key_type: KeyType) -> Caller {
    Caller {
        application: Some(Arc::clone(application)),
        key_type,
        ..somebody(Proof::Token)
    }
}

#[tokio::test]
async fn a_version_is_called_with_a_subscription_to_it() {
    let world = World::new().await;
    let owner = world.user("owner@carbon.super", &[]).await;
    let application = world.application(&owner).await;
    let (snapshot, caller) = (pets("", PRODUCTION), with(&application, KeyType::Production));
    assert_eq!(
        world.answer(&caller, &snapshot, "/pets/1.0"),
        Err(Denial::NotSubscribed)
    );
    let id = world
        .subscribe(application.id, "2.0", SubscriptionState::Unblocked)
        .await;
    assert_eq!(world.answer(&caller, &snapshot, "/pets/2.0"), Ok(Some(id)));
    assert_eq!(
        world.answer(&caller, &snapshot, "/pets/1.0"),
        Err(Denial::NotSubscribed)
    );
    assert_eq!(
        world.answer(&caller, &snapshot, "/pets"),
        Ok(Some(id)),
        "any version's subscription serves the default version's path"
    );
    world.registry.unsubscribe(id).await.unwrap();
    assert_eq!(
        world.answer(&caller, &snapshot, "/pets/2.0"),
        Err(Denial::NotSubscribed)
    );
}

#[tokio::test]
async fn the_state_of_a_subscription_decides_for_the_next_call() {
    use SubscriptionState::{Blocked, OnHold, ProductionBlocked, Rejected, TierUpdatePending, Unblocked};
    let world = World::new().await;
    let owner = world.user("owner@carbon.super", &[]).await;
    let application = world.application(&owner).await;
    let snapshot = pets("", PRODUCTION);
    let id = world.subscribe(application.id, "1.0", Unblocked).await;
    let (blocked, inactive) = (Err(Denial::SubscriptionBlocked), Err(Denial::SubscriptionInactive));
    for (state, production, sandbox) in [
        (Blocked, blocked, blocked),
        (OnHold, inactive, inactive),
        (ProductionBlocked, blocked, Ok(Some(id))),
        (Rejected, inactive, inactive),
        (TierUpdatePending, Ok(Some(id)), Ok(Some(id))),
        (Unblocked, Ok(Some(id)), Ok(Some(id))),
    ] {
        world.registry.set_subscription_state(id, state).await.unwrap();
        for path in ["/pets/1.0", "/pets"] {
            for (key_type, expected) in [(KeyType::Production, production), (KeyType::Sandbox, sandbox)] {
                let caller = with(&application, key_type);
                assert_eq!(
                    world.answer(&caller, &snapshot, path),
                    expected,
                    "{state:?} {key_type:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn whose_applications_may_call_is_what_the_catalog_says_now() {
    let world = World::new().await;
    let owner = world.user("owner@acme.example", &[]).await;
    let application = world.application(&owner).await;
    let id = world
        .subscribe(application.id, "1.0", SubscriptionState::Unblocked)
        .await;
    let caller = with(&application, KeyType::Production);
    for (subscribers, expected) in [
        ("\"all_tenants\"", Ok(Some(id))),
        ("[\"globex.example\", \"acme.example\"]", Ok(Some(id))),
        ("[\"globex.example\"]", Err(Denial::NotSubscribed)),
        ("\"current_tenant\"", Err(Denial::NotSubscribed)),
    ] {
        let snapshot = pets(&format!("subscribers = {subscribers}"), PRODUCTION);
        assert_eq!(world.answer(&caller, &snapshot, "/pets/1.0"), expected, "{subscribers}");
        assert_eq!(world.answer(&caller, &snapshot, "/pets"), expected, "{subscribers}");
    }
}

#[tokio::test]
async fn who_cannot_subscribe_calls_what_needs_no_subscription() {
    let world = World::new().await;
    let (tiers, free) = (pets("", PRODUCTION), pets("tiers = []", PRODUCTION));
    for by in [Proof::Basic, Proof::Certificate] {
        assert_eq!(world.answer(&somebody(by), &tiers, "/pets/1.0"), Ok(None), "{by:?}");
    }
    let foreigner = somebody(Proof::ForeignToken);
    assert_eq!(
        world.answer(&foreigner, &tiers, "/pets/1.0"),
        Err(Denial::NotSubscribed)
    );
    assert_eq!(world.answer(&foreigner, &free, "/pets/1.0"), Ok(None));
    let owner = world.user("owner@acme.example", &[]).await;
    let application = world.application(&owner).await;
    for by in [Proof::ApiKey, Proof::Token] {
        let caller = Caller {
            by,
            ..with(&application, KeyType::Sandbox)
        };
        assert_eq!(world.answer(&caller, &tiers, "/pets/1.0"), Err(Denial::NotSubscribed));
        assert_eq!(world.answer(&caller, &free, "/pets"), Ok(None));
    }
}

#[tokio::test]
async fn a_prototype_needs_no_subscription() {
    let world = World::new().await;
    let owner = world.user("owner@carbon.super", &[]).await;
    let caller = with(&world.application(&owner).await, KeyType::Production);
    let text = "name = \"Pets\"\ncontext = \"/pets\"\n[[versions]]\nversion = \"1.0\"\nstate = \"prototyped\"\n\
                endpoints = { production = \"http://127.0.0.1:9\" }\n\
                resources = [{ path = \"/\", methods = [\"GET\"] }]\n";
    assert_eq!(world.answer(&caller, &catalog(text), "/pets/1.0"), Ok(None));
}

#[tokio::test]
async fn a_key_leads_to_endpoints_of_its_own_type_or_nowhere() {
    use KeyType::{Production, Sandbox};
    let world = World::new().await;
    let owner = world.user("owner@carbon.super", &[]).await;
    let application = world.application(&owner).await;
    let both = format!("{PRODUCTION}, {SANDBOX}");
    for (endpoints, production, sandbox, unkeyed) in [
        (both.as_str(), Ok(Production), Ok(Sandbox), Production),
        (PRODUCTION, Ok(Production), Err(Denial::NoEndpoint(Sandbox)), Production),
        (SANDBOX, Err(Denial::NoEndpoint(Production)), Ok(Sandbox), Sandbox),
    ] {
        let snapshot = pets("", endpoints);
        let pinned = pinned(&snapshot, "/pets/1.0");
        let directed =
            |caller: Option<&Caller>| direct::direct(caller, &pinned, &snapshot).map_err(|refusal| refusal.denial);
        assert_eq!(
            directed(Some(&with(&application, Production))),
            production,
            "{endpoints}"
        );
        assert_eq!(directed(Some(&with(&application, Sandbox))), sandbox, "{endpoints}");
        assert_eq!(directed(None), Ok(unkeyed), "{endpoints}");
        assert_eq!(directed(Some(&somebody(Proof::Basic))), Ok(unkeyed), "{endpoints}");
    }
}
