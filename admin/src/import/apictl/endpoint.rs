//! The endpoints of `api.yaml` (W 13): one of a kind, several that share the work, or some that stand in for others.

use std::time::Duration;

use crate::import::endpoint::{FAILOVER, SECURITY, milliseconds, several, usable};
use crate::import::note::Notes;
use crate::import::tree::{Item, Table};
use crate::import::{Stated, blame};
use crate::model::document::{Endpoints, HealthChecks};
use crate::model::unit::Period;
use crate::model::violation::Violation;

/// Takes the endpoints.
pub(super) fn endpoints(
    api: &mut Table,
    stated: &Stated,
    (file, notes): (&str, &mut Notes),
) -> Result<Endpoints, Violation> {
    let at = format!("{}/endpointConfig", api.at);
    let mut endpoints = Endpoints::default();
    let config = api.take("endpointConfig").and_then(|item| unwrapped(item, notes));
    let (mut production, mut sandbox) = (Vec::new(), Vec::new());
    if let Some(mut config) = config {
        let kind = config.text("endpoint_type", notes).unwrap_or_default();
        production = urls(
            &mut config,
            ["production_endpoints", "production_failovers"],
            &mut endpoints,
            notes,
        );
        sandbox = urls(
            &mut config,
            ["sandbox_endpoints", "sandbox_failovers"],
            &mut endpoints,
            notes,
        );
        if kind == "awslambda" {
            notes.add(&at, "functions of AWS are not called");
        }
        leave(config, notes);
    }
    production.extend(old(api, "productionUrl", notes));
    sandbox.extend(old(api, "sandboxUrl", notes));
    if !stated.endpoints.is_empty() {
        production.clone_from(&stated.endpoints);
    }
    if production.is_empty() && sandbox.is_empty() {
        let message = "no endpoint is stated that a gateway could call";
        return Err(blame(file, &at, message).fix("name one with `--endpoint`"));
    }
    endpoints.production = several(production);
    endpoints.sandbox = several(sandbox);
    Ok(endpoints)
}

/// Opens what releases before 4 keep as a text of JSON.
fn unwrapped(item: Item, notes: &mut Notes) -> Option<Table> {
    let Item { mut value, at } = item;
    if let Some(inner) = value.as_str().and_then(|text| serde_json::from_str(text).ok()) {
        value = inner;
    }
    Item { value, at }.table(notes)
}

fn old(api: &mut Table, key: &str, notes: &mut Notes) -> Option<String> {
    let item = api.take(key)?;
    let url = item.text().filter(|url| !url.is_empty())?;
    usable(&url, &item.at, notes)
}

/// Takes the URLs of one kind, and those that stand in for them.
fn urls(config: &mut Table, [own, spare]: [&str; 2], endpoints: &mut Endpoints, notes: &mut Notes) -> Vec<String> {
    let mut urls = Vec::new();
    for item in config.take(own).map(Item::elements).unwrap_or_default() {
        urls.extend(url(item, endpoints, notes));
    }
    if let Some(item) = config.take(spare) {
        let at = item.at.clone();
        let spares: Vec<_> = item.elements();
        let before = urls.len();
        for item in spares {
            urls.extend(url(item, endpoints, notes));
        }
        if urls.len() > before {
            notes.add(&at, FAILOVER);
        }
    }
    urls
}

/// Takes one URL, and from its advanced settings what there is a counterpart of.
fn url(item: Item, endpoints: &mut Endpoints, notes: &mut Notes) -> Option<String> {
    let at = item.at.clone();
    if let Some(text) = item.text() {
        return usable(&text, &at, notes);
    }
    let mut table = item.table(notes)?;
    let text = table.text("url", notes);
    if let Some(config) = table.table("config", notes) {
        advanced(config, endpoints, notes);
    }
    notes.rest(
        table,
        &[],
        &[
            ("endpoint_type", "http"),
            ("endpoint_type", "address"),
            ("template_not_supported", "false"),
        ],
    );
    match text {
        Some(text) if text.eq_ignore_ascii_case("default") => {
            notes.add(&at, "an endpoint that policies choose is none here, and is left out");
            None
        }
        Some(text) => usable(&text, &at, notes),
        None => None,
    }
}

/// Takes the timeout and the suspension (W 13.2). They hold for all endpoints of the version.
fn advanced(mut config: Table, endpoints: &mut Endpoints, notes: &mut Notes) {
    let at = config.at.clone();
    if let Some(period) = config
        .take("actionDuration")
        .and_then(|item| milliseconds(&item, notes))
    {
        alike(&mut endpoints.timeout, period, &at, notes);
    }
    if let Some(item) = config.take("actionSelect")
        && !matches!(item.text().as_deref(), Some("" | "fault"))
    {
        notes.add(&item.at, "a call that takes too long is always answered with a fault");
    }
    if let Some(item) = config.take("suspendDuration")
        && let Some(text) = item.text().filter(|text| !text.is_empty())
    {
        match text.parse::<i64>() {
            Ok(number) if number > 0 => {
                let period = Period(Duration::from_millis(number.unsigned_abs().min(LONGEST)));
                alike(&mut endpoints.health.suspend, period, &at, notes);
            }
            Ok(_) => never_suspend(&mut endpoints.health),
            Err(_) => notes.add(&item.at, "is not a number of milliseconds, and is left out"),
        }
    }
    notes.rest(
        config,
        SUSPENSION,
        &[
            ("factor", "1"),
            ("factor", "1.0"),
            ("retryTimeOut", "0"),
            ("retryDelay", "0"),
        ],
    );
}

/// As WSO2 writes it: an initial suspension of no time.
fn never_suspend(health: &mut HealthChecks) {
    health.max_failures = Some(0);
}

/// States a time for all endpoints; another one for some of them is noted.
fn alike(place: &mut Option<Period>, period: Period, at: &str, notes: &mut Notes) {
    if place.get_or_insert(period) != &period {
        notes.add(
            at,
            "one timeout and one suspension hold for all endpoints of a version: the first that is stated",
        );
    }
}

/// Notes what is left of an endpoint configuration.
fn leave(mut config: Table, notes: &mut Notes) {
    if let Some(item) = config.take("algoClassName").or_else(|| config.take("algoCombo"))
        && item
            .text()
            .is_some_and(|text| !text.is_empty() && !text.ends_with("RoundRobin"))
    {
        notes.add(&item.at, "endpoints take turns; `balance` has other ways");
    }
    if let Some(item) = config.take("sessionManagement")
        && item.text().is_some_and(|text| !matches!(text.as_str(), "" | "none"))
    {
        notes.add(
            &item.at,
            "callers do not stay on an endpoint by a session; `balance = \"consistent_hash\"` keeps them there",
        );
    }
    if let Some(mut security) = config.table("endpoint_security", notes) {
        for key in ["production", "sandbox"] {
            let is_on = |item: &Item| {
                item.value
                    .get("enabled")
                    .is_some_and(|flag| flag == true || flag == "true")
            };
            if let Some(item) = security.take(key).filter(is_on) {
                notes.add(&item.at, SECURITY);
            }
        }
        notes.rest(security, &[], &[]);
    }
    notes.rest(config, REASONS, &[("failOver", "true")]);
}

const LONGEST: u64 = 86_400_000;

const SUSPENSION: &[(&str, &str)] = &[
    ("suspendErrorCode", WHEN),
    ("suspendMaxDuration", WHEN),
    ("factor", WHEN),
    ("retryErroCode", WHEN),
    ("retryErrorCode", WHEN),
    ("retryTimeOut", WHEN),
    ("retryDelay", WHEN),
];

const WHEN: &str = "an endpoint is set aside after `health.max_failures` failed calls in a row for `health.suspend`, \
    whatever the error; nothing of it grows";

const REASONS: &[(&str, &str)] = &[
    ("algoCombo", "endpoints take turns; `balance` has other ways"),
    ("sessionTimeOut", "callers do not stay on an endpoint by a session"),
    ("amznAccessKey", "functions of AWS are not called"),
    ("amznSecretKey", "functions of AWS are not called"),
    ("amznRegion", "functions of AWS are not called"),
];
