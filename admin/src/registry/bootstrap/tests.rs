//! The bootstrap file: what is believed, and what is blamed.

use std::io;

use super::*;
use crate::registry::token::Digest;

struct Surroundings;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----\n";
const END: &str = "\n-----END CERTIFICATE-----\n";

impl References for Surroundings {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "PASSWORD").then(|| "from the environment".to_owned())
    }

    fn file(&self, _source: &str, path: &str) -> io::Result<String> {
        match path {
            "public.json" => Ok(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}"#.to_owned()),
            "private.json" => Ok(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}]}"#.to_owned()),
            "certificate.pem" => Ok(format!("{BEGIN}MAMCAQE={END}")),
            "chain.pem" => Ok(format!("{BEGIN}MAMCAQE={END}{BEGIN}MAMCAQE={END}")),
            "secret" => Ok("0123456789abcdef\n".to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn believe(text: &str, catalog: Option<&Catalog>) -> std::result::Result<Bootstrap, Vec<String>> {
    let source = Source {
        name: "bootstrap.toml".into(),
        text: text.into(),
    };
    Bootstrap::believe(&source, &Surroundings, catalog).map_err(|found| found.iter().map(ToString::to_string).collect())
}

fn catalog() -> Catalog {
    let source = Source {
        name: "demo.toml".into(),
        text: r#"
            name = "Demo"
            context = "/demo"
            [[versions]]
            version = "1.0"
            tiers = ["Unlimited", "Partners"]
            endpoints.production = ["http://127.0.0.1:9001"]
            [[versions.resources]]
            path = "/*"
            methods = ["GET"]
            auth = "none"
            [[tiers]]
            name = "Partners"
            level = "subscription"
            roles = ["partner"]
            limits = [{ requests = 1, per = "1s" }]
            [[tiers]]
            name = "Fifty"
            level = "application"
            limits = [{ requests = 50, per = "1m" }]
            [[tiers]]
            name = "Hundred"
            level = "application"
            denied_roles = ["admin"]
            limits = [{ requests = 100, per = "1m" }]
        "#
        .into(),
    };
    Catalog::believe(&[source], &Surroundings).unwrap()
}

const GOOD: &str = r#"
[[users]]
name = "admin"
password = "${PASSWORD}"
roles = ["admin"]

[[applications]]
name = "Shop"
owner = "admin@carbon.super"
token_type = "opaque"

[[applications.keys]]
type = "production"
consumer_key = "shop"
consumer_secret = "file:secret"
grants = ["client_credentials", "refresh_token", "jwt_bearer"]
redirect_uris = ["https://shop.example/back"]

[[applications.keys]]
type = "sandbox"
consumer_key = "shop-test"
public = true

[[applications.subscriptions]]
api = "Demo"
version = "1.0"

[[applications.api_keys]]
type = "production"
key = "tgk_0123456789abcdef0123456789"
networks = ["10.0.0.0/8", "::1"]
"#;

#[test]
fn a_file_is_believed_with_its_secrets_found() {
    let bootstrap = believe(GOOD, Some(&catalog()))
        .map_err(|found| found.join("\n"))
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(bootstrap.counts(), (1, 1));
    assert_eq!(bootstrap.users[0].password, "from the environment");
    let planned = &bootstrap.applications[0];
    let given: Vec<_> = planned.keys.iter().map(|keys| keys.given.clone().unwrap()).collect();
    assert_eq!(given[0], ("shop".to_owned(), "0123456789abcdef".to_owned()));
    assert!(planned.keys[1].proof.is_public && given[1].1.len() > 40);
    assert_eq!(planned.api_keys[0].1.restrictions.networks.len(), 2);
    assert_eq!(planned.subscriptions[0].tier.as_str(), "Unlimited");
    assert!(believe("", None).is_ok());
}

#[test]
fn a_client_with_public_keys_needs_no_secret() {
    let with = |line: &str| believe(&GOOD.replace("consumer_secret = \"file:secret\"", line), None);
    let bootstrap = with("jwks = \"file:public.json\"").unwrap_or_else(|found| panic!("{found:?}"));
    let keys = &bootstrap.applications[0].keys[0];
    assert!(keys.proof.jwks.as_ref().is_some_and(|jwks| jwks.contains("Ed25519")));
    assert!(keys.given.as_ref().is_some_and(|(_, secret)| secret.len() > 40));
    for (line, expected) in [
        (
            "jwks = \"file:private.json\"",
            "bootstrap.toml:15:8: a client's keys are public ones, without `d` and `k`",
        ),
        (
            "jwks = \"{}\"",
            "bootstrap.toml:15:8: a client's keys are a JWK set of at most 32 KiB",
        ),
        (
            "jwks = \"file:missing\"",
            "bootstrap.toml:15:8: cannot read the file `missing`",
        ),
        (
            "",
            "bootstrap.toml:12:1: a key pair has a `consumer_secret`, `jwks` or a `certificate`, or is `public`",
        ),
        (
            "public = true\njwks = \"file:public.json\"",
            "bootstrap.toml:16:8: a public client proves itself by nothing",
        ),
    ] {
        let found = with(line).err().unwrap_or_default();
        assert!(found.len() == 1 && found[0].starts_with(expected), "{line}: {found:?}");
    }
}

#[test]
fn a_client_with_a_certificate_needs_no_secret() {
    let with = |line: &str| believe(&GOOD.replace("consumer_secret = \"file:secret\"", line), None);
    let inline = format!("certificate = \"\"\"\n{BEGIN}MAMCAQE={END}\"\"\"");
    for line in ["certificate = \"file:certificate.pem\"", &inline] {
        let bootstrap = with(line).unwrap_or_else(|found| panic!("{found:?}"));
        let keys = &bootstrap.applications[0].keys[0];
        let digest = Digest::of_bytes(&[0x30, 3, 2, 1, 1]);
        assert_eq!(keys.proof.certificate, Some(digest));
        assert!(keys.given.as_ref().is_some_and(|(_, secret)| secret.len() > 40));
    }
    for (line, expected) in [
        (
            "certificate = \"file:chain.pem\"",
            "bootstrap.toml:15:15: there are 2 certificates here: a client has one, its own",
        ),
        (
            "certificate = \"file:secret\"",
            "bootstrap.toml:15:15: there is no certificate here: a client's is the text that begins with `-----BEGIN",
        ),
        (
            "certificate = \"file:missing\"",
            "bootstrap.toml:15:15: cannot read the file `missing`",
        ),
        (
            "public = true\ncertificate = \"file:certificate.pem\"",
            "bootstrap.toml:16:15: a public client proves itself by nothing",
        ),
    ] {
        let found = with(line).err().unwrap_or_default();
        assert!(found.len() == 1 && found[0].starts_with(expected), "{line}: {found:?}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let bad = r#"
[[users]]
name = "a:b"
password = "short"
[[users]]
name = "joe"
tenant = "nowhere.example"
password = "file:missing"
[[applications]]
name = " x"
owner = "nobody"
colour = "red"
[[applications.keys]]
type = "production"
consumer_key = "k"
consumer_secret = "tiny"
redirect_uris = ["javascript:alert(1)"]
"#;
    let found = believe(bad, Some(&catalog())).err().unwrap();
    let expected = [
        "bootstrap.toml:3:8: a user's name has no `:`",
        "bootstrap.toml:4:12: a password has at least 8 characters and at most 256 bytes",
        "bootstrap.toml:7:10: the catalog has no tenant `nowhere.example`",
        "bootstrap.toml:8:12: cannot read the file `missing`: entity not found",
        "bootstrap.toml:10:8: an application's name is 1 to 160 printable characters, the first and the last no space",
        "bootstrap.toml:11:9: there is no user `nobody@carbon.super` in this file",
        "bootstrap.toml:12:1: unknown key `colour` in `applications[0]`",
        "bootstrap.toml:16:19: a consumer secret is 16 to 256 visible ASCII characters",
        "bootstrap.toml:17:17: `javascript:alert(1)` is no redirect URI",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
    assert!(!found.join("").contains("tiny") && !found.join("").contains("short"));
}

#[test]
fn a_subscription_is_to_what_the_catalog_offers() {
    for (from, to, expected) in [
        (
            "api = \"Demo\"",
            "api = \"Dome\"",
            "25:7: the catalog has no API `Dome` of tenant `carbon.super`",
        ),
        (
            "version = \"1.0\"",
            "version = \"2.0\"",
            "26:11: API `Demo` has no version `2.0`",
        ),
        (
            "version = \"1.0\"",
            "version = \"1.0\"\ntier = \"Gold\"",
            "27:8: API `Demo` 1.0 has no tier `Gold`",
        ),
        (
            "version = \"1.0\"",
            "version = \"1.0\"\ntier = \"Partners\"",
            "27:8: the roles of `admin@carbon.super` may not use the tier `Partners` (demo.toml:12)",
        ),
        (
            "token_type =",
            "tier = \"Fivty\"\ntoken_type =",
            "10:8: unknown tier `Fivty` of tenant `carbon.super` (did you mean `Fifty`?)",
        ),
        (
            "token_type =",
            "tier = \"Partners\"\ntoken_type =",
            "10:8: unknown tier `Partners` of tenant `carbon.super`",
        ),
        (
            "token_type =",
            "tier = \"Hundred\"\ntoken_type =",
            "10:8: the roles of `admin@carbon.super` may not use the tier `Hundred` (demo.toml:21)",
        ),
    ] {
        let text = GOOD.replace(from, to);
        let found = believe(&text, Some(&catalog())).err().unwrap();
        assert_eq!(found, [format!("bootstrap.toml:{expected}")]);
        // Without a catalog there is nothing to compare with.
        assert!(believe(&text, None).is_ok());
    }
}

#[test]
fn what_must_be_unique_stands_once() {
    let twice = format!(
        "{GOOD}{}",
        GOOD.replace("[[users]]\nname = \"admin\"", "[[users]]\nname = \"admin\" # again")
    );
    let found = believe(&twice, None).err().unwrap();
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found.iter().all(|line| line.contains("is there already")));
}

#[test]
fn the_schema_knows_every_key_and_refuses_others() {
    let schema = schema();
    assert_eq!(schema["additionalProperties"], Value::Bool(false));
    assert!(schema["properties"]["users"].is_object());
    assert_eq!(schema["$defs"]["KeyPair"]["additionalProperties"], Value::Bool(false));
}
