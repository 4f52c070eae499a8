//! Promises of an import: what becomes of a source, what is said of the rest, and what is refused.
//!
//! The sources beside this file were written for these tests: an OpenAPI document, a project of apictl 4 and one from
//! before it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the whole file is a test, its functions beside the tests too"
)]

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use admin::import::{self, Files, Imported, MAX_FILES, Stated};
use admin::model::auth::AuthType;
use admin::model::catalog::Catalog;
use admin::model::document::{Document, SecurityName, Subscribers, TransportName, Version};
use admin::model::lifecycle::LifecycleState;
use admin::model::reader;
use admin::model::source::{NoReferences, Source};
use admin::model::violation::Violation;
use proptest::prelude::*;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(name)
}

fn openapi(text: &str) -> Result<Imported, Violation> {
    import::openapi("api.yaml", text, &Stated::default())
}

/// Imports a document that is a whole API, with more at its top.
fn with(more: &Value) -> Imported {
    let mut document = json!({
        "openapi": "3.0.3", "info": { "title": "A", "version": "1" }, "servers": [{ "url": "http://a.example" }],
        "paths": { "/a": { "get": {} } },
    });
    for (key, value) in more.as_object().unwrap() {
        document[key] = value.clone();
    }
    openapi(&document.to_string()).unwrap()
}

fn version(imported: &Imported) -> &Version {
    &imported.document.versions[0]
}

fn says(imported: &Imported, pointer: &str, word: &str) -> bool {
    let of = |note: &&import::Note| note.pointers.iter().any(|at| at == pointer) && note.message.contains(word);
    imported.notes.iter().any(|note| of(&note))
}

/// Returns resources as `METHODS path auth [scopes] tier`.
fn resources(imported: &Imported) -> Vec<String> {
    let resources = version(imported).resources.iter();
    resources
        .map(|r| {
            let methods: Vec<_> = r.methods.iter().map(|m| format!("{m:?}")).collect();
            let tier = r.tier.as_deref().unwrap_or("-");
            format!(
                "{} {} {:?} {} {tier}",
                methods.join(","),
                r.path,
                r.auth,
                r.scopes.join(",")
            )
        })
        .collect()
}

fn folder(name: &str) -> Files {
    fn walk(folder: &Path, inside: &str, files: &mut Files) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{inside}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                walk(&entry.path(), &format!("{name}/"), files);
            } else {
                files.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut files = Files::new();
    walk(&sample(name), "", &mut files);
    files
}

fn apictl(name: &str) -> Imported {
    import::apictl(&folder(name), &Stated::default()).unwrap()
}

fn zipped<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Writes a document and reads it again.
fn reread(document: &Document) -> Document {
    let source = Source {
        name: "a.toml".into(),
        text: import::write(document, "made for a test").into(),
    };
    reader::read::<Document>(&source, &NoReferences).unwrap().0
}

/// Believes the file made of an import, beside tiers and a tenant.
fn believed(imported: &Imported) -> Result<Catalog, Vec<Violation>> {
    let source = |name: &str, text: &str| Source {
        name: name.into(),
        text: text.into(),
    };
    let api = import::write(&imported.document, "made for a test");
    Catalog::believe(&[source("a.toml", &api), source("tiers.toml", TIERS)], &NoReferences)
}

const TIERS: &str = "[[tenants]]\ndomain = 'acme.example'\n\
    [[tiers]]\nname = 'Bronze'\nlevel = 'subscription'\nlimits = [{ requests = 1, per = '1m' }]\n\
    [[tiers]]\nname = '10KPerMin'\nlevel = 'resource'\nlimits = [{ requests = 1, per = '1m' }]\n\
    [[tiers]]\nname = '20KPerMin'\nlevel = 'resource'\nlimits = [{ requests = 1, per = '1m' }]\n";

fn other_things() -> Catalog {
    let tiers = Source {
        name: "tiers.toml".into(),
        text: TIERS.into(),
    };
    Catalog::believe(&[tiers], &NoReferences).unwrap()
}

#[test]
fn a_plain_document_becomes_an_api() {
    let imported = openapi(&fs::read_to_string(sample("petstore.yaml")).unwrap()).unwrap();
    let document = &imported.document;
    assert_eq!(document.name.as_deref(), Some("Pet Store"));
    assert_eq!(document.context.as_deref(), Some("/pet-store"));
    let v = version(&imported);
    assert_eq!((v.version.as_str(), v.state), ("1.10", LifecycleState::Created));
    let endpoints = v.endpoints.as_ref().unwrap();
    assert_eq!(endpoints.production.texts, ["https://pets.example/v2"]);
    assert_eq!(endpoints.sandbox.texts, ["https://sandbox.pets.example/v2"]);
    assert_eq!(v.api_key_header.as_deref(), Some("X-Pet-Key"));
    assert_eq!(
        resources(&imported),
        [
            "Get /health None  -",
            "Get /pets Any read_pets -",
            "Post /pets Any write_pets -",
            "Get /pets/{id} Any read_pets -",
            "Delete /pets/{id} Any write_pets -",
            "Get /robots.txt None  -",
        ]
    );
    for (pointer, word) in [
        ("/servers/1", "places of their own"),
        ("/paths/~1elsewhere/$ref", "nothing is fetched"),
        ("/paths/~1pets~1{id}.json/get", "no parameter"),
        ("/paths/~1robots.txt/trace", "method"),
        ("/components", "neither kept nor checked"),
        ("/info/description", "people read"),
    ] {
        assert!(says(&imported, pointer, word), "{pointer}: {:#?}", imported.notes);
    }
    believed(&imported).unwrap();
}

#[test]
fn what_the_caller_states_wins() {
    let stated = Stated {
        name: Some("Zoo".to_owned()),
        context: Some("/zoo/{version}".to_owned()),
        version: Some("9".to_owned()),
        tenant: Some("acme.example".to_owned()),
        endpoints: vec!["http://127.0.0.1:1".to_owned(), "http://127.0.0.1:2".to_owned()],
    };
    let text = fs::read_to_string(sample("petstore.yaml")).unwrap();
    let imported = import::openapi("p.yaml", &text, &stated).unwrap();
    let document = &imported.document;
    assert_eq!(document.name.as_deref(), Some("Zoo"));
    assert_eq!(document.context.as_deref(), Some("/zoo/{version}"));
    assert_eq!(document.tenant.as_deref(), Some("acme.example"));
    assert_eq!(version(&imported).version, "9");
    let production = &version(&imported).endpoints.as_ref().unwrap().production.texts;
    assert_eq!(production, &stated.endpoints);
    believed(&imported).unwrap();
}

#[test]
fn a_base_path_holds_the_context_the_version_and_the_tenant() {
    for (base, context, tenant) in [
        ("/shop/{version}", "/shop", None),
        ("/shop/1", "/shop", None),
        ("shop/", "/shop", None),
        ("/{version}/shop", "/{version}/shop", None),
        ("/t/acme.example/shop/1", "/shop", Some("acme.example")),
        ("/t/carbon.super/shop", "/shop", None),
    ] {
        let imported = with(&json!({ "x-wso2-basePath": base }));
        assert_eq!(imported.document.context.as_deref(), Some(context), "{base}");
        assert_eq!(imported.document.tenant.as_deref(), tenant, "{base}");
    }
}

#[test]
fn endpoints_of_extensions_go_before_servers() {
    let imported = with(&json!({
        "x-wso2-production-endpoints": {
            "urls": ["http://one.example/", "https://two.example", "consul(a,b)"], "type": "failover",
            "advanceEndpointConfig": { "timeoutInMillis": 7000 },
            "securityConfig": { "type": "BASIC", "password": "hidden" },
        },
        "x-wso2-sandbox-endpoints": { "urls": ["http://three.example"], "type": "http" },
    }));
    let endpoints = version(&imported).endpoints.as_ref().unwrap();
    assert_eq!(
        endpoints.production.texts,
        ["http://one.example", "https://two.example"]
    );
    assert_eq!(endpoints.sandbox.texts, ["http://three.example"]);
    assert_eq!(endpoints.timeout.unwrap().0, Duration::from_secs(7));
    assert!(says(&imported, "/x-wso2-production-endpoints", "take turns"));
    assert!(says(&imported, "/x-wso2-production-endpoints", "absolute URL"));
    assert!(says(
        &imported,
        "/x-wso2-production-endpoints/securityConfig",
        "without"
    ));
    assert!(!format!("{imported:?}").contains("hidden"));
}

#[test]
fn auth_types_tiers_and_scopes_of_extensions_are_taken() {
    let imported = with(&json!({
        "x-throttling-tier": "10KPerMin",
        "x-wso2-security": { "apim": { "x-wso2-scopes": [
            { "key": "old", "name": "Old", "roles": "r1,r2", "description": "d" } ] } },
        "paths": {
            "/a": {
                "get": { "x-auth-type": "Application & Application User", "x-throttling-tier": "Unlimited" },
                "put": { "x-auth-type": "Application User", "x-wso2-throttling-tier": "20KPerMin", "x-scope": "old" },
                "post": { "x-auth-type": "Application_User", "x-wso2-throttling-tier": "20KPerMin", "x-scope": "old" },
                "delete": { "x-auth-type": "Application" },
                "patch": { "x-auth-type": "None" },
                "head": { "x-auth-type": "Whoever" },
                "options": { "x-wso2-disable-security": true },
            },
        },
    }));
    assert_eq!(
        resources(&imported),
        [
            "Get,Head /a Any  -",
            "Post,Put /a ApplicationUser old 20KPerMin",
            "Patch,Options /a None  -",
            "Delete /a Application  -",
        ]
    );
    assert_eq!(version(&imported).tier.as_deref(), Some("10KPerMin"));
    assert!(says(&imported, "/paths/~1a/head/x-auth-type", "any credential"));
    let scope = &imported.document.scopes[0];
    assert_eq!((scope.key.as_str(), scope.name.as_deref()), ("old", Some("Old")));
    assert_eq!(scope.roles, ["r1", "r2"]);
    believed(&imported).unwrap();
}

#[test]
fn the_other_extensions_are_taken() {
    let imported = with(&json!({
        "x-wso2-transports": ["https"],
        "x-wso2-auth-header": "X-Auth",
        "x-wso2-api-key-header": "X-Key",
        "x-wso2-application-security": { "security-types": ["oauth2", "api_key", "basic_auth"], "optional": false },
        "x-wso2-response-cache": { "enabled": true, "cacheTimeoutInSeconds": 42 },
        "x-wso2-cors": { "corsConfigurationEnabled": true },
    }));
    let v = version(&imported);
    assert_eq!(v.transports, [TransportName::Https]);
    assert_eq!(
        v.security,
        [SecurityName::Oauth2, SecurityName::ApiKey, SecurityName::Basic]
    );
    assert_eq!(v.authorization_header.as_deref(), Some("X-Auth"));
    assert_eq!(v.api_key_header.as_deref(), Some("X-Key"));
    assert_eq!(v.cache.as_ref().unwrap().timeout.unwrap().0, Duration::from_secs(42));
    assert!(says(&imported, "/x-wso2-cors", "cross-origin"));
    believed(&imported).unwrap();

    let off = with(&json!({ "x-wso2-response-cache": { "enabled": false, "cacheTimeoutInSeconds": 42 } }));
    assert!(version(&off).cache.is_none());
}

#[test]
fn a_certificate_that_is_demanded_stays_demanded() {
    let imported = with(&json!({ "x-wso2-mutual-ssl": "mandatory" }));
    let words = &version(&imported).security;
    assert!(words.contains(&SecurityName::MutualTlsMandatory), "{words:?}");
    assert!(words.contains(&SecurityName::Oauth2BasicApiKeyMandatory), "{words:?}");
    let refused = believed(&imported).unwrap_err();
    assert!(
        refused.iter().any(|v| v.message.contains("certificates")),
        "{refused:?}"
    );

    let optional = with(&json!({ "x-wso2-mutual-ssl": "optional" }));
    assert_eq!(version(&optional).security, [SecurityName::Oauth2]);
    assert!(says(&optional, "/x-wso2-mutual-ssl", "something else"));
    believed(&optional).unwrap();

    let both = with(&json!({
        "security": [{ "cert": [], "token": [] }],
        "components": { "securitySchemes": {
            "cert": { "type": "mutualTLS" }, "token": { "type": "http", "scheme": "bearer" } } },
    }));
    let words = &version(&both).security;
    assert!(words.contains(&SecurityName::MutualTlsMandatory), "{words:?}");
    assert!(words.contains(&SecurityName::Oauth2BasicApiKeyMandatory), "{words:?}");
}

#[test]
fn security_that_cannot_be_checked_asks_for_a_token() {
    let imported = with(&json!({
        "security": [{ "cookie": [] }, {}],
        "components": { "securitySchemes": { "cookie": { "type": "apiKey", "in": "cookie", "name": "sid" } } },
    }));
    assert_eq!(version(&imported).security, [SecurityName::Oauth2]);
    assert_eq!(version(&imported).resources[0].auth, AuthType::Any);
    assert!(says(&imported, "/components/securitySchemes/cookie", "left out"));
    assert!(says(&imported, "/security", "without a credential"));

    let either = with(&json!({
        "security": [{ "cert": [] }, { "token": [] }, { "key": [] }],
        "components": { "securitySchemes": {
            "cert": { "type": "mutualTLS" }, "token": { "type": "openIdConnect" },
            "key": { "type": "apiKey", "in": "query", "name": "k" }, "other": { "type": "apiKey", "in": "header", "name": "o" } } },
        "paths": { "/a": { "get": {} }, "/b": { "get": { "security": [{ "other": [] }] } } },
    }));
    assert_eq!(version(&either).security, [SecurityName::ApiKey, SecurityName::Oauth2]);
    assert_eq!(version(&either).api_key_header.as_deref(), Some("k"));
    assert!(says(&either, "/components/securitySchemes", "certificates"));
    assert!(says(&either, "/components/securitySchemes", "one field"));
    assert!(says(&either, "/paths", "different credentials"));

    let silent = with(&json!({}));
    assert_eq!(version(&silent).resources[0].auth, AuthType::Any);
    assert!(says(&silent, "/paths/~1a/get", "no `security`"));
    let open = with(&json!({ "security": [] }));
    assert_eq!(version(&open).resources[0].auth, AuthType::None);
}

#[test]
fn a_document_of_swagger_2_is_read_too() {
    let text = "swagger: '2.0'\ninfo: { title: Old, version: v1 }\nhost: old.example\nbasePath: /base\n\
        schemes: [http, https]\nsecurity: [{ default: [s] }]\npaths:\n  /a:\n    get: { produces: [text/plain] }\n\
        securityDefinitions:\n  default:\n    type: oauth2\n    flow: implicit\n    scopes: { s: See }\n\
        \x20   x-scopes-bindings: { s: 'a,b' }\n";
    let imported = openapi(text).unwrap();
    let endpoints = version(&imported).endpoints.as_ref().unwrap();
    assert_eq!(endpoints.production.texts, ["https://old.example/base"]);
    assert_eq!(resources(&imported), ["Get /a Any s -"]);
    assert_eq!(imported.document.scopes[0].roles, ["a", "b"]);
    believed(&imported).unwrap();
}

#[test]
fn what_cannot_be_an_api_is_refused_with_its_place() {
    let api = |from: &str, to: &str| {
        let whole = "openapi: 3.0.0\ninfo: { title: A, version: '1' }\nservers: [{ url: http://a }]\n\
            paths: { /a: { get: {} } }\n";
        assert!(whole.contains(from), "{from}");
        openapi(&whole.replace(from, to)).unwrap_err()
    };
    for (from, to, path, word, fix) in [
        ("title: A, ", "", "/info/title", "no name", "--name"),
        (", version: '1'", "", "/info/version", "no version", "--version"),
        ("'1'", "a b", "/info/version", "not a version", "--version"),
        ("http://a", "/a", "/servers", "no endpoint", "--endpoint"),
        ("/a: { get: {} }", "", "/paths", "no operation", ""),
        ("openapi: 3.0.0", "openapi: 4.0.0", "/openapi", "not known", "3.1"),
        ("openapi: 3.0.0", "swagger: '1.2'", "/swagger", "not known", "3.1"),
        ("openapi: 3.0.0\n", "", "", "neither `openapi`", "3.1"),
        (
            "openapi: 3.0.0\n",
            "openapi: 3.0.0\nx-wso2-basePath: /token\n",
            "/x-wso2-basePath",
            "not a context",
            "--context",
        ),
    ] {
        let violation = api(from, to);
        assert_eq!(violation.path, path, "{violation}");
        assert!(violation.message.contains(word), "{violation}");
        assert!(violation.fix.clone().unwrap_or_default().contains(fix), "{violation}");
    }
    let broken = api("info: { ", "info: { {");
    assert_eq!((broken.line, broken.file.as_str()), (2, "api.yaml"), "{broken}");
    let broken = openapi("{\n  \"openapi\": \"3.0.0\",\n  oops\n}").unwrap_err();
    assert_eq!((broken.line, broken.column), (3, 3), "{broken}");
}

#[test]
fn a_project_becomes_an_api() {
    let mut imported = apictl("PizzaShackAPI-1.0.0");
    imported.fit(&other_things());
    let document = &imported.document;
    assert_eq!(document.name.as_deref(), Some("PizzaShackAPI"));
    assert_eq!(document.default_version.texts, ["1.0.0"]);
    let v = version(&imported);
    assert_eq!(v.state, LifecycleState::Published);
    assert_eq!(v.transports, [TransportName::Https]);
    assert_eq!(v.security, [SecurityName::Oauth2, SecurityName::ApiKey]);
    assert_eq!(v.authorization_header.as_deref(), Some("X-Pizza-Auth"));
    assert_eq!(v.api_key_header.as_deref(), Some("X-Pizza-Key"));
    assert_eq!(v.tiers.as_deref(), Some(&["Bronze".to_owned()][..]));
    assert_eq!(v.tier.as_deref(), Some("10KPerMin"));
    assert_eq!((v.max_tps.production, v.max_tps.sandbox), (Some(100), Some(10)));
    assert_eq!(v.subscribers, Subscribers::Tenants(vec!["acme.example".to_owned()]));
    assert_eq!(v.cache.as_ref().unwrap().timeout.unwrap().0, Duration::from_secs(120));
    let endpoints = v.endpoints.as_ref().unwrap();
    assert_eq!(endpoints.production.texts.len(), 2);
    assert_eq!(endpoints.timeout.unwrap().0, Duration::from_secs(20));
    assert_eq!(endpoints.health.suspend.unwrap().0, Duration::from_secs(15));
    assert_eq!(
        resources(&imported),
        [
            "Get /menu None  -",
            "Post /order ApplicationUser order_pizza 20KPerMin",
            "Get,Put /order/{orderId} Any  -",
            "Delete /order/{orderId} Application order_pizza -",
        ]
    );
    assert_eq!(document.scopes[0].roles, ["Internal/subscriber", "cook"]);
    for (pointer, word) in [
        ("/data/corsConfiguration", "cross-origin"),
        ("/data/endpointConfig/endpoint_security/production", "without"),
        ("/data/operations/1/operationPolicies", "policies"),
        ("/paths/~1secret/get", "left out"),
        ("", "`Platinum`"),
        ("", "`50KPerDay`"),
        ("", "`nowhere.example`"),
    ] {
        assert!(
            says(&imported, pointer, word),
            "{pointer} {word}: {:#?}",
            imported.notes
        );
    }
    let said = format!("{:?}", imported.notes);
    assert!(
        said.contains("Docs/Recipe/document.yaml") && !said.contains("api_meta"),
        "{said}"
    );
    assert!(!format!("{imported:?}").contains("never-to-be-repeated"));
    believed(&imported).unwrap();
}

#[test]
fn a_project_from_before_release_4_becomes_an_api() {
    let imported = apictl("Menu_v1.10");
    let document = &imported.document;
    assert_eq!(document.name.as_deref(), Some("Menu"));
    assert_eq!(document.context.as_deref(), Some("/menu"));
    assert_eq!(document.tenant.as_deref(), Some("acme.example"));
    let v = version(&imported);
    assert_eq!((v.version.as_str(), v.state), ("1.10", LifecycleState::Prototyped));
    assert_eq!(v.security, [SecurityName::Oauth2]);
    assert_eq!(v.endpoints.as_ref().unwrap().health.max_failures, Some(0));
    assert_eq!(v.max_tps.production, Some(50));
    assert!(v.cache.is_none());
    assert_eq!(
        resources(&imported),
        ["Get /* Any  -", "Patch /dishes ApplicationUser change_menu -"]
    );
    assert!(says(&imported, "/endpointConfig/production_failovers", "take turns"));
    assert!(says(&imported, "/uriTemplates/2", "refused"));
    believed(&imported).unwrap();
}

/// Imports the sample project with something replaced in its `api.yaml`.
fn project_with(from: &str, to: &str) -> Result<Imported, Violation> {
    let mut files = folder("PizzaShackAPI-1.0.0");
    let text = String::from_utf8(files["api.yaml"].clone()).unwrap();
    assert!(text.contains(from), "{from}");
    files.insert("api.yaml".to_owned(), text.replace(from, to).into_bytes());
    import::apictl(&files, &Stated::default())
}

#[test]
fn a_project_without_operations_has_those_of_its_definition() {
    let cut = project_with("  operations:", "  ignored:").unwrap();
    assert_eq!(resources(&cut), ["Get /menu None  -", "Get /secret Any  -"]);
}

#[test]
fn what_the_gateway_does_not_serve_is_refused() {
    for (from, to, path, word) in [
        ("type: HTTP", "type: GRAPHQL", "/data/type", "type"),
        ("type: HTTP", "type: WEBSUB", "/data/type", "type"),
        ("  name: PizzaShackAPI", "  title: x", "/name", "name"),
        ("url: http", "url: awslambda", "/data/endpointConfig", "endpoint"),
        ("context: /pizzashack", "context: /a b", "/data/context", "context"),
    ] {
        let violation = project_with(from, to).unwrap_err();
        assert_eq!(violation.path, path, "{violation}");
        assert!(violation.message.contains(word), "{violation}");
        assert_eq!(violation.file, "api.yaml");
    }
    let product = Files::from([("P/api_product.yaml".to_owned(), b"type: api_product".to_vec())]);
    let violation = import::apictl(&product, &Stated::default()).unwrap_err();
    assert!(violation.message.contains("product"), "{violation}");
    let nothing = import::apictl(&Files::new(), &Stated::default()).unwrap_err();
    assert!(nothing.message.contains("api.yaml"), "{nothing}");
}

#[test]
fn nothing_becomes_open_because_it_is_not_known() {
    let unknown = project_with("authType: None", "authType: Nobody").unwrap();
    assert!(resources(&unknown).iter().all(|r| !r.contains("None")), "{unknown:?}");
    let state = project_with("PUBLISHED", "SOMEWHERE").unwrap();
    assert_eq!(version(&state).state, LifecycleState::Created);
    let security = project_with("    - oauth2\n    - api_key\n", "    - riddle\n").unwrap();
    assert_eq!(version(&security).security, [SecurityName::Oauth2]);
    let managers = project_with("  keyManagers:\n    - all", "  keyManagers:\n    - Elsewhere");
    let mut managers = managers.unwrap();
    managers.fit(&other_things());
    let names = version(&managers).key_managers.as_deref();
    assert_eq!(
        names,
        Some(&["Elsewhere".to_owned()][..]),
        "all of them would do without it"
    );
    assert!(believed(&managers).is_err());
    // No tier at all would mean that nobody needs a subscription.
    let mut tiers = project_with("    - Bronze\n    - Platinum", "    - Platinum").unwrap();
    tiers.fit(&other_things());
    assert_eq!(version(&tiers).tiers, None);
    assert!(says(&tiers, "", "counts nothing"));
}

#[test]
fn certificates_of_a_project_are_taken() {
    let mut files = folder("PizzaShackAPI-1.0.0");
    let text = String::from_utf8(files["api.yaml"].clone()).unwrap();
    let mutual = text.replace("    - oauth2\n", "    - oauth2\n    - mutualssl\n");
    files.insert("api.yaml".to_owned(), mutual.into_bytes());
    let without = import::apictl(&files, &Stated::default()).unwrap();
    assert_eq!(version(&without).security, [SecurityName::Oauth2, SecurityName::ApiKey]);
    assert!(says(&without, "", "no client certificates"));

    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    files.insert("Client-certificates/a.crt".to_owned(), pem.as_bytes().to_vec());
    files.insert("Client-certificates/b.crt".to_owned(), b"file:/etc/passwd".to_vec());
    let taken = import::apictl(&files, &Stated::default()).unwrap();
    assert!(version(&taken).security.contains(&SecurityName::MutualTls));
    assert_eq!(version(&taken).client_certificates.texts, [pem.trim()]);
    assert!(says(&taken, "", "PEM"));
    assert_eq!(
        format!("{:?}", reread(&taken.document)),
        format!("{:?}", taken.document)
    );
}

#[test]
fn a_zip_is_the_same_as_its_folder() {
    let files = folder("PizzaShackAPI-1.0.0");
    let named: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (format!("PizzaShackAPI-1.0.0/{name}"), bytes))
        .collect();
    let zip = zipped(named.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    let unpacked = import::unpack("p.zip", &zip).unwrap();
    assert_eq!(unpacked.len(), files.len());
    let imported = import::apictl(&unpacked, &Stated::default()).unwrap();
    let expected = apictl("PizzaShackAPI-1.0.0");
    assert_eq!(format!("{:?}", imported.document), format!("{:?}", expected.document));
    assert_eq!(imported.notes.len(), expected.notes.len());
}

#[test]
fn an_archive_stays_within_its_bounds() {
    for name in [
        "../api.yaml",
        "/etc/api.yaml",
        "a/../../b",
        "a\\b",
        "a//b",
        "./a",
        "c:a",
    ] {
        let violation = import::unpack("p.zip", &zipped([(name, &b"x"[..])])).unwrap_err();
        assert!(violation.message.contains("inside the archive"), "{name}: {violation}");
    }
    let begun = Instant::now();
    let zeros = vec![0; 33 << 20];
    let bomb = zipped([("a", zeros.as_slice())]);
    assert!(bomb.len() < 1 << 20);
    let violation = import::unpack("p.zip", &bomb).unwrap_err();
    assert!(violation.message.contains("larger than 32 MiB"), "{violation}");
    let half = &zeros[..17 << 20];
    let violation = import::unpack("p.zip", &zipped([("a", half), ("b", half)])).unwrap_err();
    assert!(violation.message.contains("larger than 32 MiB"), "{violation}");
    let names: Vec<_> = (0..=MAX_FILES).map(|number| number.to_string()).collect();
    let violation = import::unpack("p.zip", &zipped(names.iter().map(|name| (name.as_str(), &b""[..])))).unwrap_err();
    assert!(violation.message.contains("more than 1000 files"), "{violation}");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("api.yaml", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    let violation = import::unpack("p.zip", &zip.finish().unwrap().into_inner()).unwrap_err();
    assert!(violation.message.contains("link"), "{violation}");
    assert!(import::unpack("p.zip", b"PK\x03\x04 nothing").is_err());
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn aliases_of_yaml_do_not_unfold_without_end() {
    let nested: String = (1..30)
        .map(|level| {
            format!(
                "a{level}: &a{level} [{}]\n",
                vec![format!("*a{}", level - 1); 9].join(", ")
            )
        })
        .collect();
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 5000].join(", "));
    let merged: String = (1..200)
        .map(|level| format!("m{level}: &m{level} {{ <<: *m{}, k{level}: 1 }}\n", level - 1))
        .collect();
    for bomb in [
        format!("openapi: 3.0.0\na0: &a0 [x]\n{nested}"),
        format!("openapi: 3.0.0\n{long}"),
        format!("openapi: 3.0.0\nm0: &m0 {{ k: 1 }}\n{merged}"),
        format!("openapi: 3.0.0\na: {}", "[".repeat(100_000)),
        format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        "? ".repeat(50_000),
    ] {
        let begun = Instant::now();
        let violation = openapi(&bomb).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(20), "{violation}");
        assert!(!violation.message.is_empty());
    }
    // A few aliases are what they stand for.
    let text = "openapi: 3.0.0\ninfo: { title: A, version: 1 }\nservers: [{ url: http://a }]\n\
        paths:\n  /a: &a { get: { security: [] } }\n  /b: *a\n";
    assert_eq!(resources(&openapi(text).unwrap()), ["Get /a None  -", "Get /b None  -"]);
}

#[test]
fn references_lead_nowhere_else_and_end() {
    let imported = with(&json!({
        "paths": {
            "/a": { "get": {} },
            "/loop": { "$ref": "#/paths/~1loop2" }, "/loop2": { "$ref": "#/paths/~1loop" },
            "/file": { "$ref": "file:///etc/passwd" }, "/gone": { "$ref": "#/nowhere" },
        },
    }));
    assert_eq!(version(&imported).resources.len(), 1);
    for path in ["file", "gone"] {
        assert!(says(&imported, &format!("/paths/~1{path}/$ref"), "left out"), "{path}");
    }
    assert!(says(&imported, "/paths/~1loop/$ref", "circle"), "{:#?}", imported.notes);

    let big: serde_json::Map<_, _> = (0..2000).map(|n| (format!("x-{n}"), json!("y".repeat(1000)))).collect();
    let mut paths: serde_json::Map<_, _> = (0..5000)
        .map(|n| (format!("/p{n}"), json!({ "$ref": "#/components/pathItems/Big" })))
        .collect();
    paths.insert("/a".to_owned(), json!({ "get": {} }));
    let begun = Instant::now();
    let imported = with(&json!({ "paths": paths, "components": { "pathItems": { "Big": big } } }));
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(version(&imported).resources.len(), 1);
}

#[test]
fn a_source_names_no_variable_of_this_machine() {
    let stated = Stated {
        endpoints: vec!["http://a.example".to_owned()],
        ..Stated::default()
    };
    let text = "openapi: 3.0.0\ninfo: { title: 'A ${HOME} $${B}', version: 1 }\n\
        components: { securitySchemes: { default: { type: oauth2, flows: { implicit: { scopes: { s: '${SECRET}' } } } } } }\n\
        security: [{ default: [s] }]\npaths: { /a: { get: {} } }\nx-wso2-basePath: /a\n";
    let imported = import::openapi("a.yaml", text, &stated).unwrap();
    let again = reread(&imported.document);
    assert_eq!(again.name.as_deref(), Some("A ${HOME} $${B}"));
    assert_eq!(again.scopes[0].name.as_deref(), Some("${SECRET}"));
}

#[test]
fn a_version_is_added_and_the_file_stays_as_it_was() {
    let old = "# The head.\nname = 'A'   # its name\ncontext = '/a'\ndefault_version = \"1\" # first\n\n# One.\n[[versions]]\n\
        version = \"1\"\n[versions.endpoints]\nproduction = \"http://a\" # here\n\
        [[versions.resources]]\npath = \"/*\"\nmethods = [ \"GET\" ]\n# The end.\n";
    let mut document = with(&json!({
        "security": [{ "default": ["s"] }],
        "components": { "securitySchemes": { "default": { "type": "oauth2", "flows": {
            "implicit": { "x-scopes-bindings": { "s": "r" } } } } } },
    }))
    .document;
    document.versions[0].version = "2".to_owned();
    document.default_version.texts = vec!["2".to_owned()];
    let new = import::add("a.toml", old, &document).unwrap();
    for line in old.lines().filter(|line| !line.starts_with("default_version")) {
        assert!(new.lines().any(|kept| kept == line), "{line}\n{new}");
    }
    assert!(new.contains("default_version = [\"2\", \"1\"] # first"), "{new}");
    let order = [
        "# The head.",
        "[[scopes]]",
        "# One.",
        "version = \"1\"",
        "version = \"2\"",
        "# The end.",
    ];
    let places: Vec<_> = order
        .iter()
        .map(|word| new.find(word).unwrap_or_else(|| panic!("{word}\n{new}")))
        .collect();
    assert!(places.is_sorted(), "{new}");
    let source = Source {
        name: "a.toml".into(),
        text: new.into(),
    };
    let catalog = Catalog::believe(&[source], &NoReferences).unwrap();
    assert_eq!(catalog.apis()[0].versions.len(), 2);
    assert_eq!(catalog.apis()[0].default_version[0].as_str(), "2");

    let inline = "name = 'A'\ncontext = '/a'\nversions = [{ version = '1' }]\n";
    assert!(import::add("a.toml", inline, &document).unwrap_err().fix.is_some());
    assert!(import::add("a.toml", "= 1", &document).is_err());
}

/// Values as sources hold them: keys and words that mean something, beside others.
fn value() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        3 => proptest::sample::select(WORDS).prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    let key = prop_oneof![9 => proptest::sample::select(KEYS).prop_map(str::to_owned), 1 => ".{0,8}"];
    word.prop_recursive(6, 96, 6, move |inner| {
        prop_oneof![
            3 => proptest::collection::btree_map(key.clone(), inner.clone(), 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            1 => proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
        ]
    })
}

const WORDS: &[&str] = &[
    "3.0.0",
    "2.0",
    "None",
    "Any",
    "oauth2",
    "apiKey",
    "header",
    "http://a.example/b",
    "/a/{id}",
    "/*",
    "GET",
    "1.0",
    "mutualssl",
    "mandatory",
    "#/paths/~1a",
    "a,b",
    "GRAPHQL",
    "PUBLISHED",
    "${A}",
    "DefaultSubscriptionless",
    "true",
];

const KEYS: &[&str] = &[
    "openapi",
    "info",
    "title",
    "version",
    "servers",
    "url",
    "paths",
    "/a",
    "/a/{id}",
    "get",
    "post",
    "security",
    "components",
    "securitySchemes",
    "s",
    "type",
    "in",
    "name",
    "flows",
    "implicit",
    "scopes",
    "$ref",
    "x-auth-type",
    "x-wso2-mutual-ssl",
    "x-wso2-application-security",
    "security-types",
    "x-throttling-tier",
    "x-wso2-response-cache",
    "enabled",
    "data",
    "context",
    "endpointConfig",
    "production_endpoints",
    "config",
    "actionDuration",
    "policies",
    "operations",
    "target",
    "verb",
    "authType",
    "maxTps",
    "production",
    "keyManagers",
    "id",
    "bindings",
    "scope",
    "securityScheme",
    "subscriptionAvailability",
    "subscriptionAvailableTenants",
    "isDefaultVersion",
    "x-scope",
];

proptest! {
    #[test]
    fn any_text_is_taken_or_refused(text in "\\PC{0,200}|[ \\n:{}\\[\\]&*,'\"a-z0-9-]{0,200}") {
        drop(openapi(&text));
        let files = Files::from([("api.yaml".to_owned(), text.into_bytes())]);
        drop(import::apictl(&files, &Stated::default()));
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(import::unpack("p.zip", &bytes));
        drop(import::apictl(&Files::from([("a/api.yaml".to_owned(), bytes)]), &Stated::default()));
    }

    #[test]
    fn a_damaged_archive_is_taken_or_refused(place in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
        let mut zip = zipped([("a/api.yaml", &b"type: api"[..]), ("a/b", &[7; 100][..])]);
        if let Some(hit) = zip.get_mut(place) {
            *hit = byte;
        }
        zip.truncate(zip.len() - cut.min(zip.len()) / 4);
        drop(import::unpack("p.zip", &zip));
    }

    #[test]
    fn any_document_is_refused_or_reads_back(mut root in value(), paths in value(), own in value()) {
        if !root.is_object() {
            root = json!({});
        }
        root["openapi"] = json!("3.0.0");
        root["paths"] = json!({ "/a": paths, "/b": { "get": own } });
        let stated = Stated {
            name: Some("A".to_owned()),
            version: Some("1".to_owned()),
            context: Some("/a".to_owned()),
            endpoints: vec!["http://a.example".to_owned()],
            ..Stated::default()
        };
        if let Ok(mut imported) = import::openapi("a.json", &root.to_string(), &stated) {
            imported.fit(&other_things());
            prop_assert_eq!(format!("{:?}", reread(&imported.document)), format!("{:?}", imported.document));
        }
    }

    #[test]
    fn any_project_is_refused_or_reads_back(mut data in value(), operation in value()) {
        if !data.is_object() {
            data = json!({});
        }
        data["operations"] = json!([operation, { "target": "/a", "verb": "GET" }]);
        drop(data.as_object_mut().unwrap().remove("type"));
        let stated = Stated {
            name: Some("A".to_owned()),
            version: Some("1".to_owned()),
            context: Some("/a".to_owned()),
            endpoints: vec!["http://a.example".to_owned()],
            ..Stated::default()
        };
        let api = json!({ "type": "api", "data": data }).to_string();
        let mut imported = import::apictl(&Files::from([("api.yaml".to_owned(), api.into_bytes())]), &stated).unwrap();
        imported.fit(&other_things());
        prop_assert_eq!(format!("{:?}", reread(&imported.document)), format!("{:?}", imported.document));
    }
}
