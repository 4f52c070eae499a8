//! Which quotas a request is held against, in which order, and for whom each of them counts.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, Method};
use proptest::prelude::*;

use super::*;
use crate::credential::claims::{Claims, Wanted};
use crate::denial::Reach;
use crate::head::{Head, Scheme};
use crate::model::condition::{Condition, Part, Test};
use crate::model::name::{TierName, VersionName};
use crate::registry::application::{ApplicationId, TokenType};
use crate::registry::key_pair::KeyType;
use crate::registry::subscription::{SubscriptionId, SubscriptionState};
use crate::snapshot::{Found, Mount, RouteId};
use crate::stages::entitle::tests::{catalog, name, somebody};
use crate::stages::subject::network;

const APIS: &str = r#"
name = "Pets"
context = "/pets"

[[versions]]
version = "1.0"
state = "published"
tiers = ["Gold"]
max_tps = { production = 10 }
endpoints = { production = "http://127.0.0.1:9" }
resources = [
  { path = "/cats/{id}", methods = ["GET", "POST"], tier = "Each" },
  { path = "/dogs", methods = ["GET"], auth = "none" },
]

[[versions]]
version = "2.0"
state = "published"
tier = "Whole"
endpoints = { production = "http://127.0.0.1:9" }
resources = [{ path = "/cats/{id}", methods = ["GET"], tier = "Each" }]

[[tiers]]
name = "Gold"
level = "subscription"
limits = [{ requests = 5, per = "1s", burst = 9 }, { requests = 5000, per = "1m" }, { concurrent = 2 }, { requests = 7, per = "1h" }]

[[tiers]]
name = "Unauthenticated"
level = "subscription"
limits = [{ requests = 500, per = "1m" }]

[[tiers]]
name = "Fifty"
level = "application"
limits = [{ requests = 50, per = "1m" }]

[[tiers]]
name = "Each"
level = "resource"
limits = [{ requests = 10, per = "1s" }]

[[tiers]]
name = "Whole"
level = "resource"
per_user = true
limits = [{ requests = 10, per = "1s" }]

[[counting_rules]]
name = "site"
key = "{application}:{header:X-Site}"
limits = [{ requests = 3, per = "1s" }]
"#;

/// Who asks for what, and from where.
struct Asks<'a> {
    path: (&'a str, &'a str, Method),
    caller: Option<Caller>,
    tier: Option<&'a str>,
    client: &'a str,
    headers: HeaderMap,
}

impl Default for Asks<'_> {
    fn default() -> Self {
        Self {
            path: ("1.0", "cats/7", Method::GET),
            caller: None,
            tier: None,
            client: "192.0.2.1",
            headers: HeaderMap::new(),
        }
    }
}

fn application(tier: &str) -> Caller {
    let application = Application {
        id: ApplicationId(1),
        uuid: "uuid-1".to_owned(),
        name: "Phone".to_owned(),
        owner: name("owner@carbon.super"),
        tier: TierName::parse(tier).unwrap(),
        token_type: TokenType::Jwt,
    };
    Caller {
        application: Some(Arc::new(application)),
        ..somebody(Proof::Token)
    }
}

fn route(snapshot: &Snapshot, (label, path, method): &(&str, &str, Method)) -> (crate::snapshot::VersionId, RouteId) {
    let place = snapshot
        .find_place("any.test", &format!("/pets/{label}/{path}"))
        .unwrap();
    let Mount::Named(version) = place.mount else {
        panic!("{place:?}")
    };
    let segments: Vec<_> = path.split('/').collect();
    let method = MethodName::find(method);
    let Found::Route(route) = snapshot.find_route(version, &segments, method) else {
        panic!("{path}")
    };
    (version, route)
}

/// Returns what a request asks: the names of its quotas, what is said of each, and the keys.
fn asked(snapshot: &Snapshot, asks: Asks<'_>) -> Result<Vec<(String, Reach, String)>, Denial> {
    let (version, route) = route(snapshot, &asks.path);
    let client: IpAddr = asks.client.parse().unwrap();
    let head = Head {
        method: &asks.path.2,
        path: b"/",
        target_bytes: 1,
        query: "",
        certificate: None,
        host: None,
        headers: &asks.headers,
        raw: b"",
        scheme: Scheme::Https,
        client,
    };
    let caller = asks.caller.map(Arc::new);
    let subscription = asks.tier.map(|tier| Subscription {
        id: SubscriptionId(1),
        state: SubscriptionState::Unblocked,
        tier: TierName::parse(tier).unwrap(),
        version: VersionName::parse("1.0").unwrap(),
    });
    let granted = Granted {
        route,
        caller: caller.clone(),
        subscription,
        environment: KeyType::Production,
    };
    let request = Request {
        head: &head,
        version: snapshot.version(version),
        route: snapshot.route(route),
        caller: caller.as_deref(),
        network: network(client),
    };
    let mut found = Demands::default();
    throttle(&request, &granted, snapshot, &View::default(), &mut found)?;
    let told = found.policies.iter().zip(&found.asked).map(|(policy, demand)| {
        let policy = snapshot.tiers().policy(*policy);
        let name = policy.name.trim_matches('"').to_owned();
        (name, request.version.counted.reach(policy), demand.key().to_string())
    });
    Ok(told.collect())
}

fn names(snapshot: &Snapshot, asks: Asks<'_>) -> Vec<String> {
    asked(snapshot, asks)
        .unwrap()
        .into_iter()
        .map(|(name, ..)| name)
        .collect()
}

fn keys(snapshot: &Snapshot, asks: Asks<'_>) -> Vec<String> {
    asked(snapshot, asks)
        .unwrap()
        .into_iter()
        .map(|(.., key)| key)
        .collect()
}

#[test]
fn quotas_are_asked_in_the_order_of_the_system_we_replace() {
    let snapshot = catalog(APIS);
    let all = Asks {
        caller: Some(application("Fifty")),
        tier: Some("Gold"),
        ..Asks::default()
    };
    let found = asked(&snapshot, all).unwrap();
    let told: Vec<_> = found.iter().map(|(name, reach, _)| (name.as_str(), *reach)).collect();
    assert_eq!(
        told,
        [
            ("resource:Each:requests", Reach::Resource),
            ("subscription:Gold:requests", Reach::Subscription),
            ("subscription:Gold:requests-2", Reach::Subscription),
            ("subscription:Gold:burst", Reach::SubscriptionBurst),
            ("subscription:Gold:concurrent", Reach::Subscription),
            ("application:Fifty:requests", Reach::Application),
            ("rule:site:requests", Reach::Custom),
            ("backend:production:requests", Reach::Backend),
        ]
    );
}

#[test]
fn the_tier_of_a_version_replaces_those_of_its_resources() {
    let snapshot = catalog(APIS);
    let of = |label| Asks {
        path: (label, "cats/7", Method::GET),
        ..Asks::default()
    };
    assert_eq!(asked(&snapshot, of("1.0")).unwrap()[0].1, Reach::Resource);
    assert_eq!(
        names(&snapshot, of("2.0")),
        ["resource:Whole:requests", "anonymous:Unauthenticated:requests"]
    );
    assert_eq!(asked(&snapshot, of("2.0")).unwrap()[0].1, Reach::Api);
}

#[test]
fn each_count_is_of_what_it_says() {
    let snapshot = catalog(APIS);
    let of = |path, caller: Option<Caller>, tier| Asks {
        path,
        caller,
        tier,
        ..Asks::default()
    };
    let cats = |method| ("1.0", "cats/7", method);
    let user = |text: &str| Caller {
        user: Some(name(text)),
        ..application("Fifty")
    };
    let own = || of(cats(Method::GET), Some(application("Fifty")), Some("Gold"));
    // Of a resource: each method, HEAD with GET, whoever asks and for whichever cat.
    let resource = |asks| keys(&snapshot, asks).swap_remove(0);
    let get = resource(own());
    assert_eq!(
        get,
        resource(of(cats(Method::HEAD), Some(user("ann@carbon.super")), Some("Gold")))
    );
    assert_eq!(get, resource(of(("1.0", "cats/8", Method::GET), None, None)));
    assert_ne!(get, resource(of(cats(Method::POST), None, None)));
    // Of a subscription: all users of the application. Of an application: each; its own calls are its owner's.
    let of_user = |text| keys(&snapshot, of(cats(Method::GET), Some(user(text)), Some("Gold")));
    let (own, owner, ann) = (
        keys(&snapshot, own()),
        of_user("owner@carbon.super"),
        of_user("ann@carbon.super"),
    );
    assert_eq!(own, owner);
    assert_eq!(own[..5], ann[..5]);
    assert_ne!(own[5], ann[5]);
    assert_ne!(ann[5], of_user("ann@acme.example")[5]);
    assert_eq!(own[6..], ann[6..]);
}

#[test]
fn who_has_no_application_counts_by_what_is_known() {
    let snapshot = catalog(APIS);
    let dogs = |caller: Option<Caller>, client| Asks {
        path: ("1.0", "dogs", Method::GET),
        caller,
        client,
        ..Asks::default()
    };
    let named = names(&snapshot, dogs(None, "192.0.2.1"));
    assert_eq!(
        named,
        ["anonymous:Unauthenticated:requests", "backend:production:requests"]
    );
    let key = |caller, client| keys(&snapshot, dogs(caller, client)).swap_remove(0);
    let password = |text: &str| Caller {
        user: Some(name(text)),
        ..somebody(Proof::Basic)
    };
    let everybody = [
        key(None, "192.0.2.1"),
        key(None, "192.0.2.2"),
        key(None, "2001:db8::1"),
        key(None, "2001:db8:0:1::1"),
        key(Some(password("ann@carbon.super")), "192.0.2.1"),
        key(Some(password("joe@carbon.super")), "192.0.2.1"),
        key(Some(somebody(Proof::Certificate)), "192.0.2.1"),
        key(Some(somebody(Proof::ForeignToken)), "192.0.2.1"),
    ];
    for (place, one) in everybody.iter().enumerate() {
        assert_eq!(everybody.iter().position(|other| other == one), Some(place));
    }
    assert_eq!(everybody[0], key(None, "::ffff:192.0.2.1"));
    assert_eq!(
        everybody[2],
        key(None, "2001:db8::ffff"),
        "whoever has one of its addresses has all"
    );
    assert_eq!(everybody[4], key(Some(password("ann@carbon.super")), "192.0.2.9"));
}

#[test]
fn a_tier_that_nobody_states_refuses() {
    let snapshot = catalog(APIS);
    let of = |application_tier: &str, tier| {
        let asks = Asks {
            caller: Some(application(application_tier)),
            tier: Some(tier),
            ..Asks::default()
        };
        asked(&snapshot, asks).map(|found| found.len())
    };
    assert_eq!(of("Unlimited", "Unlimited"), Ok(3));
    assert_eq!(of("Gone", "Gold"), Err(Denial::UnknownTier));
    assert_eq!(of("Fifty", "Fifty"), Err(Denial::UnknownTier), "one of another level");
    // Nobody is known to own the application, so nobody may use what is not everybody's.
    let restricted = APIS.replace("name = \"Fifty\"", "name = \"Fifty\"\nroles = [\"partner\"]");
    let asks = Asks {
        caller: Some(application("Fifty")),
        ..Asks::default()
    };
    assert_eq!(asked(&catalog(&restricted), asks), Err(Denial::TierRefused));
}

#[test]
fn a_count_is_kept_by_names_and_not_by_figures() {
    let of = |text: &str| {
        let asks = Asks {
            caller: Some(application("Fifty")),
            tier: Some("Gold"),
            ..Asks::default()
        };
        keys(&catalog(text), asks)
    };
    let before = of(APIS);
    let edited = APIS
        .replace("requests = 50,", "requests = 60,")
        .replace("5000, per = \"1m\"", "9, calendar = \"day\"");
    assert_eq!(of(&edited), before);
    assert_ne!(
        of(&APIS.replace("{header:X-Site}", "{query:site}"))[6],
        before[6],
        "another key tells apart otherwise"
    );
}

/// What a request says, for conditions.
#[derive(Clone, Debug)]
struct Says {
    fields: Vec<(usize, String)>,
    query: Vec<(usize, String)>,
    claims: Vec<(usize, String)>,
    address: u32,
}

const NAMES: [&str; 2] = ["x-a", "x-b"];

fn says() -> impl Strategy<Value = Says> {
    let values = || proptest::collection::vec((0..NAMES.len(), "[ab ]{0,2}"), 0..3);
    (values(), values(), values(), any::<u32>()).prop_map(|(fields, query, claims, address)| Says {
        fields,
        query,
        claims,
        address,
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let test = prop_oneof![
        Just(Test::Present),
        proptest::collection::vec("[ab ]{0,2}", 1..3).prop_map(Test::OneOf),
        prop_oneof![Just("^a"), Just("b$"), Just("^$"), Just("a b")].prop_map(|text| Test::Matches(regex(text))),
    ];
    let named = (0..NAMES.len(), 0..3_usize, test).prop_map(|(name, part, test)| match part {
        0 => Part::Header(HeaderName::from_static(NAMES[name]), test),
        1 => Part::Query(NAMES[name].to_owned(), test),
        _ => Part::Claim(NAMES[name].to_owned(), test),
    });
    let address = any::<u32>().prop_map(|bits| {
        let network = std::net::Ipv4Addr::from(bits & 0xc000_0000);
        Part::Address(vec![format!("{network}/2").parse::<ipnet::IpNet>().unwrap().into()])
    });
    (prop_oneof![3 => named, 1 => address], any::<bool>())
        .prop_map(|(part, is_inverted)| Condition { part, is_inverted })
}

fn regex(text: &str) -> regex::Regex {
    regex::Regex::new(text).unwrap()
}

/// The plain reading of a condition.
fn holds(condition: &Condition, says: &Says) -> bool {
    let values = |list: &[(usize, String)], name: &str| -> Vec<String> {
        let own = list.iter().filter(|(index, _)| NAMES[*index] == name);
        own.map(|(_, value)| value.clone()).collect()
    };
    let passes = |test: &Test, values: Vec<String>| match test {
        Test::Present => !values.is_empty(),
        Test::OneOf(wanted) => values.iter().any(|value| wanted.contains(value)),
        Test::Matches(expression) => values.iter().any(|value| match expression.as_str() {
            "^a" => value.starts_with('a'),
            "b$" => value.ends_with('b'),
            "^$" => value.is_empty(),
            text => value.contains(text),
        }),
    };
    let is_true = match &condition.part {
        Part::Address(ranges) => {
            let first: u32 = ranges[0]
                .to_string()
                .split('-')
                .next()
                .unwrap()
                .parse::<std::net::Ipv4Addr>()
                .unwrap()
                .into();
            says.address >> 30 == first >> 30
        }
        Part::Claim(name, test) => passes(test, values(&says.claims, name)),
        Part::Header(name, test) => passes(test, values(&says.fields, name.as_str())),
        Part::Query(name, test) => passes(test, values(&says.query, name)),
    };
    is_true != condition.is_inverted
}

proptest! {
    #[test]
    fn conditions_hold_as_they_read(says in says(), condition in condition()) {
        let snapshot = catalog(APIS);
        let (version, route) = route(&snapshot, &("1.0", "dogs", Method::GET));
        let mut headers = HeaderMap::new();
        for (index, value) in &says.fields {
            headers.append(NAMES[*index], value.parse().unwrap());
        }
        let pair = |(index, value): &(usize, String)| format!("{}={}", NAMES[*index], value.replace(' ', "%20"));
        let query = says.query.iter().map(pair).collect::<Vec<_>>().join("&");
        let wanted: Wanted = NAMES.map(Into::into).into();
        let of = |name: usize| says.claims.iter().filter(move |(index, _)| *index == name).map(|(_, value)| value.clone());
        let claims: serde_json::Map<_, _> = (0..NAMES.len())
            .map(|name| (NAMES[name].to_owned(), of(name).collect::<Vec<_>>().into()))
            .collect();
        let caller = Caller { claims: Claims::read(&wanted, &claims), ..somebody(Proof::Token) };
        let client = IpAddr::V4(says.address.into());
        let head = Head {
            method: &Method::GET,
            path: b"/",
            target_bytes: 1,
            query: &query,
            certificate: None,
            host: None,
            headers: &headers,
            raw: b"",
            scheme: Scheme::Http,
            client,
        };
        let request = Request {
            head: &head,
            version: snapshot.version(version),
            route: snapshot.route(route),
            caller: Some(&caller),
            network: network(client),
        };
        prop_assert_eq!(request.meets(&condition), holds(&condition, &says));
    }

    #[test]
    fn keys_differ_where_what_they_name_differs(one in ("[a-c]{0,2}", "[a-c]{0,2}"), other in ("[a-c]{0,2}", "[a-c]{0,2}")) {
        let snapshot = catalog(&APIS.replace("{application}:{header:X-Site}", "{header:X-A}{header:X-B}"));
        let key = |(a, b): &(String, String)| {
            let mut headers = HeaderMap::new();
            headers.insert("x-a", a.parse().unwrap());
            headers.insert("x-b", b.parse().unwrap());
            let asks = Asks { path: ("1.0", "dogs", Method::GET), headers, ..Asks::default() };
            keys(&snapshot, asks).swap_remove(1)
        };
        prop_assert_eq!(key(&one) == key(&other), one == other);
    }
}
