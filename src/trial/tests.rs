//! Files of tests, run against a catalog: what passes, what fails and how that is told, what is refused.

use super::*;
use crate::model::source::NoReferences;
use crate::snapshot::compile;

const CATALOG: &str = r#"
[[tenants]]
domain = "acme.example"

[[scopes]]
key = "read"
name = "Read"
roles = ["staff"]

[[tiers]]
name = "Two"
level = "subscription"
limits = [{ requests = 2, per = "10s" }]

[[deny]]
ip = ["192.0.2.1"]
"#;

const API: &str = r#"
name = "Pets"
context = "/pets"
default_version = ["2.0", "1.0"]

[[versions]]
version = "1.0"
state = "published"
security = ["oauth2", "api_key", "basic"]
tiers = ["Two", "Unlimited"]
authorization_header = "X-Auth"
endpoints = { production = "http://127.0.0.1:9", sandbox = "http://127.0.0.1:8" }
resources = [
  { path = "/cats", methods = ["GET"], auth = "any", scopes = ["read"], cache = { timeout = "5m" } },
  { path = "/dogs", methods = ["GET"], auth = "none" },
  { path = "/owners", methods = ["GET"], auth = "application" },
]

[[versions]]
version = "2.0"
state = "created"
endpoints = { production = "http://127.0.0.1:9" }
resources = [{ path = "/cats", methods = ["GET"], auth = "none" }]
"#;

const CALLERS: &str = r#"
[callers.staff]
application = { subscriptions = [{ api = "Pets", version = "1.0", tier = "Two" }] }
user = { name = "ann", roles = ["staff"] }
scopes = ["read", "write"]

[callers.guest]
application = { subscriptions = [{ api = "Pets", version = "1.0" }] }
user = { name = "bob", roles = ["guest"] }
scopes = ["read"]

[callers.given]
application = { subscriptions = [{ api = "Pets", version = "1.0" }] }
user = { name = "bob", roles = ["guest"] }
granted = ["read"]

[callers.application]
application = { owner_roles = ["staff"], key = "sandbox", subscriptions = [{ api = "Pets", version = "1.0" }] }
scopes = ["read"]

[callers.key]
shows = "api_key"
application = { subscriptions = [{ api = "Pets", version = "1.0", state = "production_only_blocked" }] }

[callers.password]
shows = "password"
user = { name = "ann", roles = ["staff"] }
"#;

const LIMITS: Limits = Limits {
    connections: 1,
    header_count: 20,
    header_bytes: 4096,
    uri_bytes: 512,
    request_body: 10,
    requests_per_connection: 1,
    http2_streams: 1,
};

fn source(name: &str, text: String) -> Source {
    Source {
        name: name.into(),
        text: text.into(),
    }
}

fn judged(api: &str, tests: &str) -> Result<Vec<Outcome>, Vec<Violation>> {
    let sources = [
        source("all.toml", CATALOG.to_owned()),
        source("pets.toml", api.to_owned()),
    ];
    let catalog = Catalog::believe(&sources, &NoReferences).unwrap();
    let against = Against {
        catalog: &catalog,
        snapshot: &compile(1, &catalog).unwrap(),
        limits: &LIMITS,
        trust: &Trust::default(),
    };
    judge(&[source("tests.toml", tests.to_owned())], against)
}

/// Runs one test, and says what came out otherwise than expected.
fn told(test: &str) -> Vec<(String, String, String)> {
    let tests = format!("{CALLERS}\n[[tests]]\nname = 'it'\n{test}\n");
    let mut outcomes = judged(API, &tests).unwrap();
    assert_eq!(outcomes.len(), 1);
    let differences = outcomes.remove(0).differences.into_iter();
    differences.map(|it| (it.field, it.expected, it.got)).collect()
}

fn difference(field: &str, expected: &str, got: &str) -> (String, String, String) {
    (field.to_owned(), expected.to_owned(), got.to_owned())
}

#[test]
fn what_comes_out_as_expected_passes() {
    for test in [
        "request = { url = '/pets/1.0/dogs' }\nexpect = { decision = 'allowed', api = 'Pets', resource = '/dogs' }",
        "request = { url = '/pets/dogs' }\nexpect = { version = '1.0', tenant = 'carbon.super', why = 'by default' }",
        "request = { url = '/pets/2.0/cats' }\nexpect = { decision = 'refused', status = 404, stage = 'pin_version' }",
        "request = { url = '/pets/1.0/cats' }\nexpect = { code = '900902', reason = 'missing_credentials' }",
        "caller = 'staff'\nrequest = { url = '/pets/1.0/cats' }\nexpect = { decision = 'allowed', scopes = ['read'], \
         tier = 'Two', endpoints = 'production', cache = 'kept' }",
        "caller = 'guest'\nrequest = { url = '/pets/1.0/cats' }\nexpect = { status = 403, scopes = ['default'], \
         stage = 'authorize', why = 'all.toml:5' }",
        "caller = 'application'\nrequest = { url = '/pets/1.0/owners' }\nexpect = { decision = 'allowed', \
         endpoints = 'sandbox', scopes = ['read', 'am_application_scope'] }",
        "caller = 'staff'\nrequest = { url = '/pets/1.0/owners' }\nexpect = { reason = 'wrong_token_type' }",
        "caller = 'key'\nrequest = { url = '/pets/1.0/cats' }\nexpect = { code = '900907' }",
        "caller = 'password'\nrequest = { url = '/pets/1.0/cats', client_ip = '198.51.100.7' }\nexpect = { decision = \
         'allowed' }",
        "request = { url = '/pets/1.0/dogs', client_ip = '192.0.2.1' }\nexpect = { stage = 'deny', why = 'all.toml:15' }",
        "request = { method = 'OPTIONS', url = '/pets/1.0/dogs' }\nexpect = { decision = 'answered', status = 204 }",
        "request = { method = 'POST', url = '/oauth2/token' }\nexpect = { decision = 'own' }",
        "request = { url = 'https://acme.example/t/acme.example/pets/1.0/dogs' }\nexpect = { status = 404 }",
    ] {
        assert_eq!(told(test), [], "{test}");
    }
}

#[test]
fn what_comes_out_otherwise_is_told_field_by_field() {
    let test = "request = { url = '/pets/1.0/dogs' }\nexpect = { decision = 'refused', status = 401, version = '2.0', \
                cache = 'kept', tier = 'Two', scopes = ['read'], why = 'the moon' }";
    let found = told(test);
    let without_why: Vec<_> = found.iter().filter(|(field, ..)| field != "why").cloned().collect();
    assert_eq!(
        without_why,
        [
            difference("decision", "refused", "allowed"),
            difference("status", "401", "none"),
            difference("version", "2.0", "1.0"),
            difference("cache", "kept", "not_kept"),
            difference("scopes", "read", "none"),
            difference("tier", "Two", "none"),
        ]
    );
    let why = found.iter().find(|(field, ..)| field == "why").unwrap();
    assert!(why.1.contains("the moon") && why.2.contains("GET /dogs"), "{why:?}");
}

#[test]
fn roles_grant_as_the_token_endpoint_does_unless_scopes_are_given() {
    let test = |caller: &str, expected: &str| {
        let expect = format!("expect = {{ decision = '{expected}' }}");
        told(&format!(
            "caller = '{caller}'\nrequest = {{ url = '/pets/1.0/cats' }}\n{expect}"
        ))
    };
    assert_eq!(test("guest", "refused"), []);
    // A user without the role holds what was granted, and the role is asked for again at each request.
    assert_eq!(test("given", "refused"), []);
    let given = "caller = 'given'\nrequest = { url = '/pets/1.0/cats' }\nexpect = { scopes = ['read'] }";
    assert_eq!(told(given), []);
}

#[test]
fn quotas_are_spent_and_begin_anew_with_each_test() {
    let test = |name: &str, more: &str| {
        format!(
            "[[tests]]\nname = '{name}'\ncaller = 'staff'\nrequest = {{ url = '/pets/1.0/cats' }}\n{more}\nexpect = {{ \
             decision = 'allowed' }}\n"
        )
    };
    let then = "then = { status = 429, stage = 'throttle', why = 'Two' }";
    let tests = [
        test("two pass", &format!("times = 2\n{then}")),
        test("two more pass", &format!("times = 2\n{then}")),
        test("slowly many pass", "times = 50\nevery = '5s'"),
        test("the third is one too many", "times = 3"),
        test("the last one passes", "times = 1\nthen = { decision = 'refused' }"),
    ];
    let outcomes = judged(API, &format!("{CALLERS}\n{}", tests.concat())).unwrap();
    let passed: Vec<_> = outcomes.iter().map(|outcome| outcome.passed).collect();
    assert_eq!(passed, [true, true, true, false, false]);
    let summary = outcomes[3].summary();
    assert_eq!(summary, "request 3: decision: expected allowed, got refused");
    assert!(
        outcomes[3].why().unwrap().starts_with("throttle: "),
        "{:?}",
        outcomes[3].why()
    );
    assert_eq!(outcomes[4].differences[0].field, "then.decision");
}

#[test]
fn a_failing_test_blames_the_line_of_the_expectation() {
    let tests = "[[tests]]\nname = 'it'\nrequest = { url = '/pets/1.0/dogs' }\n[tests.expect]\ndecision = 'allowed'\n\
                 version = '3.0'\n";
    let found = violations(&judged(API, tests).unwrap());
    assert_eq!(
        found[0].to_string(),
        "tests.toml:6:11: the policy test `it` fails: version: expected 3.0, got 1.0"
    );
    let refused = "[[tests]]\nname = 'it'\nrequest = { url = '/pets/1.0/cats' }\nexpect = { decision = 'allowed' }\n";
    let found = violations(&judged(API, refused).unwrap());
    let fix = found[0].fix.as_deref().unwrap();
    assert!(fix.starts_with("authenticate: ") && fix.contains("pets.toml:"), "{fix}");
}

#[test]
fn an_edit_of_the_catalog_fails_the_test_that_minds_it() {
    let tests = "[[tests]]\nname = 'it'\nrequest = { url = '/pets/1.0/cats' }\nexpect = { status = 401 }\n";
    assert!(judged(API, tests).unwrap()[0].passed);
    let open = API.replace("auth = \"any\", scopes = [\"read\"]", "auth = \"none\"");
    assert_ne!(open, API);
    assert!(!judged(&open, tests).unwrap()[0].passed);
}

#[test]
fn nobody_is_asked_about_a_credential_of_another_issuer() {
    let manager = "[[key_managers]]\nname = 'Corp'\nissuer = 'https://127.0.0.1:1/'\njwks_url = \
                   'https://127.0.0.1:1/jwks'\n";
    let token = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwczovLzEyNy4wLjAuMToxLyIsInN1YiI6\
                 ImEiLCJhdWQiOiJhIiwiZXhwIjo0MTAyNDQ0ODAwLCJjbGllbnRfaWQiOiJhIn0.AAAA";
    let tests = format!(
        "[[tests]]\nname = 'it'\nrequest = {{ url = '/pets/1.0/cats', headers = {{ X-Auth = 'Bearer {token}' }} }}\n\
         expect = {{ status = 401 }}\n"
    );
    let outcomes = judged(&format!("{API}{manager}"), &tests).unwrap();
    let summary = outcomes[0].summary();
    assert!(summary.contains("tests ask nobody"), "{summary}");
}

/// Holds what is wrong with some files against what is to be told of each.
fn blamed(cases: &[(String, &str)]) {
    for (text, expected) in cases {
        let found = judged(API, text).unwrap_err();
        let told: Vec<_> = found.iter().map(ToString::to_string).collect();
        let is_told = |it: &String| {
            it.strip_prefix("tests.toml:")
                .is_some_and(|it| it.starts_with(expected))
        };
        assert!(told.iter().any(is_told), "{text}\n{expected}\n{told:#?}");
    }
}

#[test]
fn what_is_wrong_with_a_test_is_told_with_its_place_and_what_would_fix_it() {
    let head = "[[tests]]\nname = 'it'\n";
    let request = "request = { url = '/pets/1.0/dogs' }\nexpect = { status = 404 }\n";
    blamed(&[
        (
            format!("[callers.staff]\n{head}caller = 'stff'\n{request}"),
            "4:10: there is no caller `stff` in this file (did you mean `staff`?)",
        ),
        (
            format!("{head}request = {{ url = '/pets' }}\nexpect = {{}}\n"),
            "4:10: nothing is expected (state a `decision`, a `status` or a `code`)",
        ),
        (
            format!("{head}request = {{ url = '/pets' }}\nexpect = {{ sttus = 1 }}\n"),
            "4:12: unknown key `sttus` in `tests[0].expect`",
        ),
        (
            format!("{head}request = {{ url = '/pets' }}\nexpect = {{ stage = 'throtle' }}\n"),
            "4:20: there is no stage `throtle` (did you mean `throttle`?)",
        ),
        (
            format!("{head}{request}{head}{request}"),
            "6:8: a test `it` is there already",
        ),
        (
            format!("{head}times = 0\n{request}"),
            "3:9: `times` is from 1 to 100000",
        ),
        (
            format!("{head}request = {{ url = 'pets' }}\nexpect = {{ status = 404 }}\n"),
            "3:11: the URL is malformed",
        ),
        (
            format!("{head}request = {{ url = '/', client_ip = 'x' }}\nexpect = {{ status = 404 }}\n"),
            "3:36: this is no address",
        ),
    ]);
}

#[test]
fn what_is_wrong_with_a_caller_is_told_with_its_place_and_what_would_fix_it() {
    let caller = |stated: &str| format!("[callers.a]\n{stated}\n");
    blamed(&[
        (
            caller("application = { subscriptions = [{ api = 'Pet', version = '1.0' }] }"),
            "2:42: the catalog has no API `Pet` of tenant `carbon.super` (did you mean `Pets`?)",
        ),
        (
            caller("application = { subscriptions = [{ api = 'Pets', version = '3.0' }] }"),
            "2:60: API `Pets` has no version `3.0` (one of 1.0, 2.0)",
        ),
        (
            caller("application = { subscriptions = [{ api = 'Pets', version = '1.0', tier = 'Tw' }] }"),
            "2:74: unknown tier `Tw` of tenant `carbon.super` (did you mean `Two`?)",
        ),
        (
            caller("application = { tier = 'Gold' }"),
            "2:24: unknown tier `Gold` of tenant `carbon.super`",
        ),
        (
            caller("user = { name = 'ann@acme.exampl' }"),
            "2:17: the catalog has no tenant `acme.exampl` (did you mean `acme.example`?)",
        ),
        (caller("shows = 'password'"), "1:1: who shows a password is a `user`"),
        (
            caller("shows = 'api_key'\nuser = { name = 'ann' }"),
            "3:8: an API key is an application's, on behalf of no user",
        ),
        (
            caller("shows = 'api_key'\nscopes = ['read']"),
            "3:10: only a token holds scopes",
        ),
        (
            caller("scopes = ['a']\ngranted = ['b']"),
            "3:11: `scopes` and `granted` are both stated",
        ),
        (
            caller("scopes = ['a\"b']"),
            "2:10: invalid_scope: the scope is malformed",
        ),
        (
            caller("application = { owner = 'ann', owner_roles = ['x'] }\nuser = { name = 'ann' }"),
            "2:46: the owner is the user, whose `roles` are stated (leave `owner_roles` out)",
        ),
    ]);
}

#[test]
fn the_schema_describes_every_key() {
    let schema = schema();
    assert_eq!(schema["additionalProperties"], false);
    for (name, key) in [
        ("Test", "then"),
        ("Expect", "cache"),
        ("Caller", "granted"),
        ("Application", "owner_roles"),
        ("Subscription", "state"),
        ("Request", "client_ip"),
    ] {
        let described = &schema["$defs"][name]["properties"][key]["description"];
        assert!(described.is_string(), "{name}.{key}");
    }
}

/// `cargo test -p tollgate a_thousand_tests -- --nocapture` says how long it takes; the bound leaves room for a busy machine and
/// a build without optimisation.
#[test]
fn a_thousand_tests_take_no_time() {
    let each = (0..1_000).map(|number| {
        let caller = ["staff", "guest", "application", "key", "password"][number % 5];
        format!(
            "[[tests]]\nname = '{number}'\ncaller = '{caller}'\nrequest = {{ url = '/pets/1.0/cats' }}\nexpect = {{ api = \
             'Pets' }}\n"
        )
    });
    let tests = format!("{CALLERS}\n{}", each.collect::<String>());
    let began = Instant::now();
    let outcomes = judged(API, &tests).unwrap();
    let took = began.elapsed();
    assert!(outcomes.len() == 1_000 && outcomes.iter().all(|outcome| outcome.passed));
    println!("a thousand tests in {took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}
