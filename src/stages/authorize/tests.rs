//! Who holds which scope, with a registry as it is.

use super::*;
use crate::snapshot::Found;
use crate::stages::entitle::tests::{World, catalog, name, pinned, somebody};
use crate::stages::recorder::Silent;

/// The scopes example of W 6.1, and a resource that takes the scope that is everybody's.
const ORGNEWS: &str = r#"
name = "OrgNews"
context = "/orgnews"

[[scopes]]
key = "news_read"
roles = ["employee", "manager"]

[[scopes]]
key = "news_write"
roles = ["manager"]

[[scopes]]
key = "news_list"

[[versions]]
version = "1.0.0"
state = "published"
security = ["oauth2", "basic", "api_key", "mutual_tls"]
client_certificates = "file:ca.pem"
endpoints = { production = "http://127.0.0.1:9" }

[[versions.resources]]
path = "/read"
methods = ["GET"]
scopes = ["news_read"]

[[versions.resources]]
path = "/write"
methods = ["GET"]
scopes = ["news_write"]

[[versions.resources]]
path = "/either"
methods = ["GET"]
scopes = ["news_write", "news_read"]

[[versions.resources]]
path = "/list"
methods = ["GET"]
scopes = ["news_list"]

[[versions.resources]]
path = "/any"
methods = ["GET"]
"#;

fn orgnews() -> Snapshot {
    let certificate = rcgen::generate_simple_self_signed(["ca.test".to_owned()]).unwrap();
    let pem = format!("\"\"\"\n{}\"\"\"", certificate.cert.pem());
    catalog(&ORGNEWS.replace("\"file:ca.pem\"", &pem))
}

/// Names the resources that a caller may call.
fn allowed(caller: &Caller, snapshot: &Snapshot, world: &World) -> String {
    let paths = ["/read", "/write", "/either", "/list", "/any"];
    let may = |path: &&str| {
        let whole = format!("/orgnews/1.0.0{path}");
        let pinned = pinned(snapshot, &whole);
        let method = Some(crate::model::method::MethodName::Get);
        let Found::Route(route) = snapshot.find_route(pinned.version, &[&path[1..]], method) else {
            panic!("{path} is not found");
        };
        match authorize(caller, &pinned, route, snapshot, world.registry.view(), &mut Silent) {
            Ok(()) => true,
            Err(refusal) => {
                assert_eq!(refusal.denial, Denial::MissingScope);
                false
            }
        }
    };
    paths.into_iter().filter(may).collect()
}

/// Makes the bearer of a token of a user with these scopes.
fn bearer(user: &str, scopes: &[&str]) -> Caller {
    let mut scopes: Vec<Box<str>> = scopes.iter().map(|scope| (*scope).into()).collect();
    scopes.sort_unstable();
    Caller {
        user: Some(name(user)),
        scopes,
        ..somebody(Proof::Token)
    }
}

#[tokio::test]
async fn any_one_of_the_scopes_is_enough() {
    let (world, snapshot) = (World::new().await, orgnews());
    world.user("john@carbon.super", &["employee", "manager"]).await;
    let may = |scopes: &[&str]| allowed(&bearer("john@carbon.super", scopes), &snapshot, &world);
    assert_eq!(may(&[]), "/any");
    assert_eq!(may(&["default"]), "/any");
    assert_eq!(may(&["news_read"]), "/read/either/any");
    assert_eq!(may(&["news_write"]), "/write/either/any");
    assert_eq!(
        may(&["news_write", "news_read", "news_list"]),
        "/read/write/either/list/any"
    );
    assert_eq!(may(&["News_read", "news_rea", "news_read "]), "/any");
}

#[tokio::test]
async fn a_scope_counts_while_a_role_of_the_user_grants_it() {
    let (world, snapshot) = (World::new().await, orgnews());
    let john = world.user("john@carbon.super", &["employee", "manager"]).await;
    let caller = bearer("john@carbon.super", &["news_read", "news_write", "news_list"]);
    let may = || allowed(&caller, &snapshot, &world);
    assert_eq!(may(), "/read/write/either/list/any");
    let set = |roles: &[&str]| {
        world
            .registry
            .set_roles(&john, roles.iter().map(|role| (*role).into()).collect())
    };
    set(&["employee"]).await.unwrap();
    assert_eq!(may(), "/read/either/list/any");
    set(&["Manager", "EMPLOYEE"]).await.unwrap();
    assert_eq!(may(), "/list/any", "roles are compared byte by byte");
    set(&["manager"]).await.unwrap();
    assert_eq!(may(), "/read/write/either/list/any");
    world.registry.delete_role(&john.tenant, "manager").await.unwrap();
    assert_eq!(may(), "/list/any");
    world.registry.delete_user(&john).await.unwrap();
    assert_eq!(may(), "/list/any");
}

#[tokio::test]
async fn roles_of_another_tenant_grant_nothing() {
    let (world, snapshot) = (World::new().await, orgnews());
    world.user("eve@acme.example", &["employee", "manager"]).await;
    let caller = bearer("eve@acme.example", &["news_read", "news_write", "news_list"]);
    assert_eq!(allowed(&caller, &snapshot, &world), "/list/any");
    let password = Caller {
        by: Proof::Basic,
        ..caller
    };
    assert_eq!(allowed(&password, &snapshot, &world), "/list/any");
}

#[tokio::test]
async fn an_applications_own_token_draws_on_the_roles_of_its_owner() {
    let (world, snapshot) = (World::new().await, orgnews());
    let owner = world.user("tom@carbon.super", &["employee"]).await;
    let caller = Caller {
        application: Some(world.application(&owner).await),
        user: None,
        ..bearer("tom@carbon.super", &["news_read", "news_write"])
    };
    assert_eq!(allowed(&caller, &snapshot, &world), "/read/either/any");
    world.registry.set_roles(&owner, Vec::new()).await.unwrap();
    assert_eq!(allowed(&caller, &snapshot, &world), "/any");
}

#[tokio::test]
async fn a_password_has_the_scopes_that_its_users_roles_grant() {
    let (world, snapshot) = (World::new().await, orgnews());
    world.user("tom@carbon.super", &["employee"]).await;
    let password = |user: &str| Caller {
        by: Proof::Basic,
        ..bearer(user, &[])
    };
    assert_eq!(
        allowed(&password("tom@carbon.super"), &snapshot, &world),
        "/read/either/list/any"
    );
    assert_eq!(
        allowed(&password("nobody@carbon.super"), &snapshot, &world),
        "/list/any"
    );
}

#[tokio::test]
async fn a_foreign_token_has_what_its_issuer_says() {
    let (world, snapshot) = (World::new().await, orgnews());
    let foreign = |scopes: &[&str], roles: &[&str]| {
        let caller = Caller {
            by: Proof::ForeignToken,
            user: None,
            roles: roles.iter().map(|role| (*role).into()).collect(),
            ..bearer("x@carbon.super", scopes)
        };
        allowed(&caller, &snapshot, &world)
    };
    assert_eq!(foreign(&[], &[]), "/any");
    assert_eq!(foreign(&["news_write"], &[]), "/write/either/any");
    assert_eq!(foreign(&[], &["employee"]), "/read/either/any");
    assert_eq!(foreign(&["news_list"], &["stranger"]), "/list/any");
}

#[tokio::test]
async fn scopes_are_not_asked_of_api_keys_and_never_proven_by_certificates() {
    let (world, snapshot) = (World::new().await, orgnews());
    assert_eq!(
        allowed(&somebody(Proof::ApiKey), &snapshot, &world),
        "/read/write/either/list/any"
    );
    assert_eq!(allowed(&somebody(Proof::Certificate), &snapshot, &world), "/any");
}
