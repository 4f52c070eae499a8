//! Where a document sends its calls: its servers, or the endpoints of its extensions.

use crate::import::Stated;
use crate::import::endpoint::{FAILOVER, SECURITY, milliseconds, several, usable};
use crate::import::note::Notes;
use crate::import::tree::{Item, Table, texts};
use crate::model::document::Endpoints;
use crate::model::unit::Period;

/// Decides the endpoints: as stated, else those of the extensions, else the servers. The error is a place and why.
pub(super) fn endpoints(
    root: &mut Table,
    stated: &Stated,
    is_old: bool,
    notes: &mut Notes,
) -> Result<Endpoints, (&'static str, String)> {
    let mut endpoints = Endpoints::default();
    let servers = if is_old {
        old_servers(root, notes)
    } else {
        servers(root, notes)
    };
    let production = root.take("x-wso2-production-endpoints");
    let sandbox = root.take("x-wso2-sandbox-endpoints");
    let has_own = production.is_some() || sandbox.is_some();
    let mut all = Vec::new();
    for (item, is_sandbox) in [(production, false), (sandbox, true)] {
        let Some((urls, timeout)) = item.and_then(|item| extension(item, notes)) else {
            continue;
        };
        endpoints.timeout = endpoints.timeout.or(timeout);
        all.extend(urls.into_iter().map(|url| (url, is_sandbox)));
    }
    if !has_own {
        all = choose(servers, notes);
    }
    let of = |wanted: bool| {
        let urls = all.iter().filter(|(_, is_sandbox)| *is_sandbox == wanted);
        several(urls.map(|(url, _)| url.clone()).collect())
    };
    endpoints.production = if stated.endpoints.is_empty() {
        of(false)
    } else {
        several(stated.endpoints.clone())
    };
    endpoints.sandbox = of(true);
    if endpoints.production.texts.is_empty() && endpoints.sandbox.texts.is_empty() {
        let at = if is_old { "/host" } else { "/servers" };
        return Err((at, "no endpoint is stated that a gateway could call".to_owned()));
    }
    Ok(endpoints)
}

/// Keeps the first server, and the first that is for trying things out: the servers of a document are not a group whose
/// members could stand in for each other, but places such as production and staging.
fn choose(servers: Vec<Server>, notes: &mut Notes) -> Vec<(String, bool)> {
    let mut chosen: Vec<(String, bool)> = Vec::new();
    for Server { url, at, is_sandbox } in servers {
        if chosen.iter().any(|(_, other)| *other == is_sandbox) {
            notes.add(
                &at,
                "servers of a document are places of their own, so the first one alone is called; \
                 name endpoints that share the work with `--endpoint`",
            );
            continue;
        }
        chosen.push((url, is_sandbox));
    }
    chosen
}

struct Server {
    url: String,
    at: String,
    is_sandbox: bool,
}

fn servers(root: &mut Table, notes: &mut Notes) -> Vec<Server> {
    let mut servers = Vec::new();
    for item in root.take("servers").map(Item::elements).unwrap_or_default() {
        let Some(mut server) = item.table(notes) else { continue };
        let about = server.text("description", notes).unwrap_or_default().to_lowercase();
        let at = server.at.clone();
        let Some(template) = server.text("url", notes) else {
            continue;
        };
        let variables = server.table("variables", notes);
        let url = fill_in(&template, variables, notes);
        notes.rest(server, &[], &[]);
        servers.extend(usable(&url, &at, notes).map(|url| Server {
            is_sandbox: about.contains("sandbox") || url.to_lowercase().contains("sandbox"),
            url,
            at,
        }));
    }
    servers
}

/// Fills the variables of a server's URL in with their defaults.
fn fill_in(template: &str, variables: Option<Table>, notes: &mut Notes) -> String {
    let mut url = template.to_owned();
    let Some(variables) = variables else { return url };
    for (name, item) in variables.items().take(MOST_VARIABLES) {
        let at = item.at.clone();
        let default = item
            .table(notes)
            .and_then(|mut variable| variable.text("default", notes));
        if let Some(default) = default.filter(|default| default.len() <= LONGEST_URL && url.len() <= LONGEST_URL) {
            url = url.replace(&format!("{{{name}}}"), &default);
            notes.add(&at, "an endpoint has no variables, so the default stands there");
        }
    }
    url
}

/// Takes the host of Swagger 2.0: one server for each scheme, of which the first will be called.
fn old_servers(root: &mut Table, notes: &mut Notes) -> Vec<Server> {
    let host = root.text("host", notes);
    let base = root.text("basePath", notes).unwrap_or_default();
    let schemes = root.texts(&["schemes"], notes).unwrap_or_default();
    let Some(host) = host else { return Vec::new() };
    let scheme = if schemes.iter().any(|scheme| scheme == "https") || schemes.is_empty() {
        "https"
    } else {
        "http"
    };
    let url = format!("{scheme}://{host}/{}", base.trim_start_matches('/'));
    let at = "/host".to_owned();
    let is_sandbox = false;
    let url = usable(&url, &at, notes);
    url.map(|url| Server { url, at, is_sandbox }).into_iter().collect()
}

/// Takes the URLs and the timeout of an extension (W 18.3).
fn extension(item: Item, notes: &mut Notes) -> Option<(Vec<String>, Option<Period>)> {
    let mut table = item.table(notes)?;
    let at = table.at.clone();
    let urls = table.take("urls").map(|urls| texts(urls, notes)).unwrap_or_default();
    let urls: Vec<_> = urls.iter().filter_map(|url| usable(url, &at, notes)).collect();
    let kind = table.text("type", notes).unwrap_or_default();
    if kind.eq_ignore_ascii_case("failover") && urls.len() > 1 {
        notes.add(&at, FAILOVER);
    }
    let mut timeout = None;
    for key in ["advanceEndpointConfig", "advancedConfig"] {
        if let Some(mut advanced) = table.table(key, notes) {
            timeout = advanced
                .take("timeoutInMillis")
                .and_then(|item| milliseconds(&item, notes));
            notes.rest(advanced, &[], &[]);
        }
    }
    notes.rest(table, &[("securityConfig", SECURITY)], &[]);
    Some((urls, timeout))
}

const LONGEST_URL: usize = 2048;
const MOST_VARIABLES: usize = 100;
