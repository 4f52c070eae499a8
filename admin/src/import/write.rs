//! An API document as the text of a TOML file, as people write them: keys aligned, short lists on one line.
//!
//! What an import never states has no place here. `${` stands for itself: nothing that came from elsewhere names a
//! variable of this machine.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use super::words::method_name;
use crate::model::auth::AuthType;
use crate::model::document::{
    Cache, Document, Endpoints, HealthChecks, MaxTps, Resource, Scope, SecurityName, Several, Subscribers,
    TransportName, Version,
};
use crate::model::lifecycle::LifecycleState;

/// Writes the file of an API. `origin` is a line that says what it was made of.
pub fn write(document: &Document, origin: &str) -> String {
    let mut file = DocumentMut::new();
    let mut pairs = Vec::new();
    pairs.extend(document.name.as_deref().map(|name| ("name", text(name))));
    pairs.extend(document.context.as_deref().map(|context| ("context", text(context))));
    pairs.extend(document.tenant.as_deref().map(|tenant| ("tenant", text(tenant))));
    if !document.default_version.texts.is_empty() {
        pairs.push(("default_version", texts(&document.default_version.texts)));
    }
    *file.as_table_mut() = aligned(pairs);
    let origin: String = origin
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_ORIGIN)
        .collect();
    file.decor_mut().set_prefix(format!("# {origin}\n\n"));
    if !document.scopes.is_empty() {
        file.insert(
            "scopes",
            Item::ArrayOfTables(document.scopes.iter().map(scope).collect()),
        );
    }
    let versions: ArrayOfTables = document.versions.iter().map(version).collect();
    file.insert("versions", Item::ArrayOfTables(versions));
    file.to_string()
}

/// Makes a scope a table.
pub(super) fn scope(scope: &Scope) -> Table {
    let mut pairs = vec![("key", text(&scope.key))];
    pairs.extend(scope.name.as_deref().map(|name| ("name", text(name))));
    if !scope.roles.is_empty() {
        pairs.push(("roles", texts(&scope.roles)));
    }
    aligned(pairs)
}

/// Makes a version a table.
pub(super) fn version(version: &Version) -> Table {
    let mut pairs = vec![
        ("version", text(&version.version)),
        ("state", state(version.state).into()),
    ];
    if version.transports.len() < 2 {
        pairs.push((
            "transports",
            list(version.transports.iter().map(|name| transport(*name).into())),
        ));
    }
    if version.security != [SecurityName::Oauth2] {
        pairs.push((
            "security",
            list(version.security.iter().map(|word| security(*word).into())),
        ));
    }
    let fields = [
        ("authorization_header", &version.authorization_header),
        ("api_key_header", &version.api_key_header),
    ];
    pairs.extend(
        fields
            .into_iter()
            .filter_map(|(key, field)| Some((key, text(field.as_deref()?)))),
    );
    pairs.extend(
        version
            .key_managers
            .as_ref()
            .map(|names| ("key_managers", texts(names))),
    );
    if !version.client_certificates.texts.is_empty() {
        pairs.push(("client_certificates", texts(&version.client_certificates.texts)));
    }
    pairs.extend(version.tiers.as_ref().map(|tiers| ("tiers", texts(tiers))));
    pairs.extend(version.tier.as_deref().map(|tier| ("tier", text(tier))));
    match &version.subscribers {
        Subscribers::AllTenants => pairs.push(("subscribers", "all_tenants".into())),
        Subscribers::CurrentTenant => {}
        Subscribers::Tenants(domains) => pairs.push(("subscribers", texts(domains))),
    }
    pairs.extend(max_tps(version.max_tps).map(|figures| ("max_tps", figures)));
    let mut table = aligned(pairs);
    if let Some(stated) = &version.endpoints {
        table.insert("endpoints", Item::Table(endpoints(stated)));
    }
    if let Some(stated) = &version.cache {
        table.insert("cache", Item::Table(cache(stated)));
    }
    let resources: ArrayOfTables = version.resources.iter().map(resource).collect();
    table.insert("resources", Item::ArrayOfTables(resources));
    table
}

fn max_tps(MaxTps { production, sandbox }: MaxTps) -> Option<Value> {
    let mut figures = InlineTable::new();
    for (key, figure) in [("production", production), ("sandbox", sandbox)] {
        if let Some(figure) = figure.and_then(|figure| i64::try_from(figure).ok()) {
            figures.insert(key, figure.into());
        }
    }
    (!figures.is_empty()).then_some(Value::InlineTable(figures))
}

fn endpoints(stated: &Endpoints) -> Table {
    let mut pairs = Vec::new();
    for (key, Several { texts: urls, .. }) in [("production", &stated.production), ("sandbox", &stated.sandbox)] {
        if !urls.is_empty() {
            pairs.push((key, texts(urls)));
        }
    }
    pairs.extend(stated.timeout.map(|timeout| ("timeout", timeout.to_string().into())));
    let mut table = aligned(pairs);
    let HealthChecks {
        max_failures, suspend, ..
    } = stated.health;
    let mut checks = Vec::new();
    checks.extend(max_failures.map(|failures| ("max_failures", i64::from(failures).into())));
    checks.extend(suspend.map(|suspend| ("suspend", suspend.to_string().into())));
    if !checks.is_empty() {
        table.insert("health", Item::Table(aligned(checks)));
    }
    table
}

fn cache(stated: &Cache) -> Table {
    aligned(
        stated
            .timeout
            .map(|timeout| ("timeout", timeout.to_string().into()))
            .into_iter()
            .collect(),
    )
}

fn resource(resource: &Resource) -> Table {
    let methods = resource.methods.iter().map(|method| method_name(*method).into());
    let mut pairs = vec![
        ("path", text(&resource.path)),
        ("methods", list(methods)),
        ("auth", auth(resource.auth).into()),
    ];
    if !resource.scopes.is_empty() {
        pairs.push(("scopes", texts(&resource.scopes)));
    }
    pairs.extend(resource.tier.as_deref().map(|tier| ("tier", text(tier))));
    aligned(pairs)
}

/// Makes a table whose equals signs stand below each other.
fn aligned(pairs: Vec<(&str, Value)>) -> Table {
    let width = pairs.iter().map(|(key, _)| key.len()).max().unwrap_or_default();
    let mut table = Table::new();
    for (key, value) in pairs {
        table.insert(key, Item::Value(value));
        if let Some(mut written) = table.key_mut(key) {
            written.leaf_decor_mut().set_suffix(" ".repeat(width - key.len() + 1));
        }
    }
    table
}

/// Makes texts a list: on one line where it is short, else one a line.
pub(super) fn texts(texts: &[String]) -> Value {
    list(texts.iter().map(|each| text(each)))
}

fn list(values: impl Iterator<Item = Value>) -> Value {
    let mut array: Array = values.collect();
    array.fmt();
    if array.to_string().chars().count() > LONGEST_LINE && array.len() > 1 {
        array
            .iter_mut()
            .for_each(|value| value.decor_mut().set_prefix("\n    "));
        array.set_trailing("\n");
        array.set_trailing_comma(true);
    }
    Value::Array(array)
}

/// Makes a text a value that reads back as the same text.
pub(super) fn text(text: &str) -> Value {
    text.replace("${", "$${").into()
}

fn state(state: LifecycleState) -> &'static str {
    match state {
        LifecycleState::Created => "created",
        LifecycleState::Prototyped => "prototyped",
        LifecycleState::Published => "published",
        LifecycleState::Blocked => "blocked",
        LifecycleState::Deprecated => "deprecated",
        LifecycleState::Retired => "retired",
    }
}

fn transport(name: TransportName) -> &'static str {
    match name {
        TransportName::Http => "http",
        TransportName::Https => "https",
    }
}

fn security(word: SecurityName) -> &'static str {
    match word {
        SecurityName::ApiKey => "api_key",
        SecurityName::Basic => "basic",
        SecurityName::MutualTls => "mutual_tls",
        SecurityName::MutualTlsMandatory => "mutual_tls_mandatory",
        SecurityName::Oauth2 => "oauth2",
        SecurityName::Oauth2BasicApiKeyMandatory => "oauth2_basic_api_key_mandatory",
    }
}

fn auth(auth: AuthType) -> &'static str {
    match auth {
        AuthType::Any => "any",
        AuthType::Application => "application",
        AuthType::ApplicationUser => "application_user",
        AuthType::None => "none",
    }
}

const LONGEST_LINE: usize = 100;
const LONGEST_ORIGIN: usize = 200;
