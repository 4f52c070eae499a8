//! What `api.yaml` says of a version as a whole: who may call it, how often, over what (W 2, 3, 4, 5, 11).

use crate::import::note::Notes;
use crate::import::resources::counted;
use crate::import::tree::Table;
use crate::import::version::{kept, own_field, transports};
use crate::import::words;
use crate::model::document::{MaxTps, SecurityName, Subscribers, Version};

/// Takes what says who may call a version, and how.
pub(super) fn fill(api: &mut Table, version: &mut Version, notes: &mut Notes) {
    if let Some(item) = api.take_any(&["lifeCycleStatus", "status"]) {
        match item.text().and_then(|text| words::state(&text)) {
            Some(state) => version.state = state,
            None => notes.add(
                &item.at,
                "is no state that is known; the version is `created`, and not served",
            ),
        }
    }
    version.transports = transports(api.texts(&["transport", "transports"], notes), notes);
    if let Some(item) = api.take_any(&["securityScheme", "apiSecurity"]) {
        let at = item.at.clone();
        let stated = crate::import::tree::texts(item, notes);
        version.security = security(&stated, &at, notes);
    }
    let takes = |word| version.security.contains(&word);
    let (oauth2, basic, api_key) = (
        takes(SecurityName::Oauth2),
        takes(SecurityName::Basic),
        takes(SecurityName::ApiKey),
    );
    let authorization = own_field(api.text("authorizationHeader", notes), "Authorization");
    version.authorization_header = authorization.filter(|_| oauth2 || basic);
    let header = api
        .take_any(&["apiKeyHeader", "apiHeader"])
        .and_then(|item| item.text());
    version.api_key_header = own_field(header.filter(|header| !header.is_empty()), "apikey").filter(|_| api_key);
    let managers = api.texts(&["keyManagers"], notes);
    version.key_managers = managers.and_then(key_managers).filter(|_| oauth2);
    version.subscribers = subscribers(api, notes);
    version.tier = counted(api.take_any(&["apiThrottlingPolicy", "apiLevelPolicy"]), notes);
    version.tiers = tiers(api, notes);
    version.cache = {
        let at = format!("{}/responseCachingEnabled", api.at);
        let on = api.take_any(&["responseCachingEnabled", "responseCache"]);
        let seconds = api.take("cacheTimeout").and_then(|item| item.number());
        let is_on = on.is_some_and(|item| item.flag() == Some(true) || says(&item.text(), "enabled"));
        is_on.then(|| kept(seconds, &at, notes))
    };
}

/// Takes the most that endpoints take; a figure for endpoints that are not there is noted.
pub(super) fn limit(api: &mut Table, version: &mut Version, notes: &mut Notes) {
    let mut table = api.table("maxTps", notes);
    let mut figure = |key: &str, old: &str, has_endpoints: bool, notes: &mut Notes| {
        let item = table
            .as_mut()
            .and_then(|table| table.take(key))
            .or_else(|| api.take(old))?;
        let number = item.number().filter(|number| (1..=MOST_TPS).contains(number))?;
        if !has_endpoints {
            notes.add(
                &item.at,
                "there are no endpoints of that kind, so the limit is left out",
            );
        }
        has_endpoints.then_some(number)
    };
    let endpoints = version.endpoints.as_ref();
    let has = |production: bool| {
        endpoints.is_some_and(|all| {
            let list = if production { &all.production } else { &all.sandbox };
            !list.texts.is_empty()
        })
    };
    version.max_tps = MaxTps {
        production: figure("production", "productionMaxTps", has(true), notes),
        sandbox: figure("sandbox", "sandboxMaxTps", has(false), notes),
    };
    if let Some(mut rest) = table {
        for key in ["productionTimeUnit", "sandboxTimeUnit"] {
            let unit = rest.take(key).filter(|item| !says(&item.text(), "second"));
            if let Some(unit) = unit {
                notes.add(
                    &unit.at,
                    "limits of endpoints count in seconds here, so the figure is taken as one",
                );
            }
        }
        notes.rest(rest, &[], &[]);
    }
}

fn says(text: &Option<String>, word: &str) -> bool {
    text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(word))
}

/// Makes words what proves a caller (W 5.3): an empty list is a token, and a word that is not known is left out.
fn security(stated: &[String], at: &str, notes: &mut Notes) -> Vec<SecurityName> {
    let mut found = Vec::new();
    for word in stated {
        match words::security(word) {
            Some(word) if !found.contains(&word) => found.push(word),
            Some(_) => {}
            None => notes.add(at, "a kind of credential that is not known is left out"),
        }
    }
    let has = |word| found.contains(&word);
    let mutual = has(SecurityName::MutualTls) || has(SecurityName::MutualTlsMandatory);
    if has(SecurityName::MutualTlsMandatory) {
        found.retain(|word| *word != SecurityName::MutualTls);
    }
    if !mutual {
        // Without certificates, one of the others is demanded anyway.
        found.retain(|word| *word != SecurityName::Oauth2BasicApiKeyMandatory);
    }
    if found.is_empty() {
        found.push(SecurityName::Oauth2);
    }
    found
}

/// Returns whose tokens are taken; `None` for all.
fn key_managers(stated: Vec<String>) -> Option<Vec<String>> {
    if stated.is_empty() || stated.iter().any(|name| name.eq_ignore_ascii_case("all")) {
        return None;
    }
    let name = |name: String| match name.as_str() {
        "Resident Key Manager" => "Resident".to_owned(),
        _ => name,
    };
    Some(stated.into_iter().map(name).collect())
}

/// Takes the tiers that subscribers choose from (W 3.2); none at all is not the same as none needed.
fn tiers(api: &mut Table, notes: &mut Notes) -> Option<Vec<String>> {
    let tiers = api.texts(&["policies", "availableTiers"], notes)?;
    if tiers.iter().any(|tier| tier.ends_with("DefaultSubscriptionless")) {
        return Some(Vec::new());
    }
    (!tiers.is_empty()).then_some(tiers)
}

fn subscribers(api: &mut Table, notes: &mut Notes) -> Subscribers {
    let listed = api.texts(&["subscriptionAvailableTenants"], notes).unwrap_or_default();
    let Some(item) = api.take("subscriptionAvailability") else {
        return Subscribers::CurrentTenant;
    };
    match item.text().unwrap_or_default().to_ascii_uppercase().as_str() {
        "ALL_TENANTS" => Subscribers::AllTenants,
        "SPECIFIC_TENANTS" if !listed.is_empty() => Subscribers::Tenants(listed),
        "CURRENT_TENANT" | "SPECIFIC_TENANTS" | "" => Subscribers::CurrentTenant,
        _ => {
            notes.add(&item.at, "is not known; the API's own tenant may subscribe");
            Subscribers::CurrentTenant
        }
    }
}

/// Notes what is left of an API.
pub(super) fn leave(mut api: Table, notes: &mut Notes) {
    for (key, flag) in SWITCHED {
        let is_off = |value: &serde_json::Value| {
            let flag = value.get(*flag);
            flag.is_none_or(|flag| flag == false || flag == "false")
        };
        if api.map.get(*key).is_some_and(is_off) {
            drop(api.take(key));
        }
    }
    notes.rest(api, REASONS, PLAIN);
}

/// No endpoint takes more.
const MOST_TPS: u64 = 1_000_000_000;

/// Tables that say nothing while a flag of theirs is off.
const SWITCHED: &[(&str, &str)] = &[
    ("corsConfiguration", "corsConfigurationEnabled"),
    ("websubSubscriptionConfiguration", "enable"),
    ("monetization", "enabled"),
    ("advertiseInfo", "advertised"),
];

/// What means the usual.
const PLAIN: &[(&str, &str)] = &[
    ("accessControl", "NONE"),
    ("audience", "PUBLIC"),
    ("audiences", "all"),
    ("endpointImplementationType", "ENDPOINT"),
    ("gatewayType", "wso2/synapse"),
    ("gatewayVendor", "wso2"),
    ("implementation", "ENDPOINT"),
    ("visibility", "PUBLIC"),
];

pub(super) const PROVIDER: &str = "who provides an API is not kept; its tenant owns it";
const ABOUT: &str = "what people read about an API is not kept";
const BOOKS: &str = "is bookkeeping of where it came from";
const SEEN: &str = "who sees an API in a portal is not restricted here; who may call it is said by tiers, scopes and \
    subscribers";
const POLICY: &str = "policies that change requests and responses are not taken over: calls pass without them";
const CORS: &str = "cross-origin requests are not answered by the gateway; preflights reach the endpoint where \
    `OPTIONS` is a method of the resource";

const REASONS: &[(&str, &str)] = &[
    ("accessControl", SEEN),
    ("accessControlRoles", SEEN),
    ("additionalProperties", ABOUT),
    ("additionalPropertiesMap", ABOUT),
    (
        "advertiseInfo",
        "an API that is only advertised is called elsewhere; this one is called through the gateway",
    ),
    ("apiOwner", PROVIDER),
    ("apiPolicies", POLICY),
    (
        "audiences",
        "the audiences of tokens are said by `audiences` of a key manager, for all APIs",
    ),
    ("businessInformation", ABOUT),
    ("categories", ABOUT),
    ("corsConfiguration", CORS),
    ("createdTime", BOOKS),
    ("description", ABOUT),
    (
        "enableSchemaValidation",
        "what calls and responses look like is not checked",
    ),
    ("enableStore", SEEN),
    (
        "enableSubscriberVerification",
        "whether a subscription is asked for is said by `tiers`",
    ),
    (
        "endpointImplementationType",
        "the gateway makes no answers of its own up; the endpoints are called",
    ),
    ("faultSequence", POLICY),
    ("hasThumbnail", ABOUT),
    ("id", BOOKS),
    ("inSequence", POLICY),
    ("isLatest", BOOKS),
    ("isRevision", BOOKS),
    ("lastUpdated", BOOKS),
    ("lastUpdatedTime", BOOKS),
    ("lastUpdatedTimestamp", BOOKS),
    ("mediationPolicies", POLICY),
    ("outSequence", POLICY),
    ("provider", PROVIDER),
    ("revisionId", BOOKS),
    ("revisionedApiId", BOOKS),
    ("tags", ABOUT),
    ("thumbnailUrl", ABOUT),
    ("threatProtectionPolicies", POLICY),
    ("uuid", BOOKS),
    ("visibility", SEEN),
    ("visibleRoles", SEEN),
    ("visibleTenants", SEEN),
    ("workflowStatus", BOOKS),
    ("wsdlInfo", ABOUT),
    ("wsdlUrl", ABOUT),
];
