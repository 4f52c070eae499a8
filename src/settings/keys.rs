//! Every key of the settings, once: how a variable overrides it, and whether two readings differ in it.
//!
//! `TOLLGATE_<SECTION>_<KEY>` overrides a key. Its value is made into a line of TOML and read as the file is, so that
//! both have one grammar. A variable that names no key is refused, since it would be ignored otherwise.

use crate::model::suggestion::nearest;
use crate::model::violation::Violation;

use super::raw::Raw;

/// One key of the settings.
pub(super) struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// Takes the key's value over from another reading.
    pub(super) take: fn(&mut Raw, Raw),
    /// Tells whether two readings differ in the key.
    pub(super) differs: fn(&Raw, &Raw) -> bool,
    kind: Kind,
}

/// How the value of a variable is written in TOML.
#[derive(Clone, Copy)]
enum Kind {
    /// As it is, where it is a number.
    Count,
    /// As it is, where it is `true` or `false`.
    Flag,
    /// As strings, separated by commas.
    List,
    /// As certificates and keys, `cert.pem:key.pem`, separated by commas.
    Pairs,
    /// As a string.
    Text,
}

macro_rules! keys {
    ($($kind:ident $section:ident.$name:ident,)*) => {
        &[$(Key {
            section: stringify!($section),
            name: stringify!($name),
            take: |raw, part| raw.$section.$name = part.$section.$name,
            differs: |a, b| a.$section.$name != b.$section.$name,
            kind: Kind::$kind,
        },)*]
    };
}

/// Every key, in the order of the sample file.
pub(super) const KEYS: &[Key] = keys![
    List gateway.http,
    List gateway.https,
    Text gateway.threads,
    List gateway.trusted_proxies,
    Text gateway.client_certificates,
    Text gateway.rate_limit_fields,
    List admin.http,
    List admin.https,
    List status.http,
    Text catalog.dir,
    Count catalog.revisions,
    Flag catalog.require_tests,
    Text data.dir,
    Text registry.url,
    Text oauth.issuer,
    Text oauth.algorithm,
    Text oauth.access_token,
    Text oauth.refresh_token,
    Text oauth.authorization_code,
    Text oauth.key_rotation,
    Text credentials.authorization_header,
    Text credentials.api_key_header,
    Text credentials.client_certificate_header,
    Text credentials.backend_jwt_header,
    Count credentials.token_cache,
    Text credentials.leeway,
    Text credentials.introspection_cache,
    Count explain.refusals,
    Count quota.counters,
    Text quota.store,
    Text quota.mode,
    Text cache.memory,
    Count cache.entries,
    Text cache.max_body,
    Text cache.disk,
    Text cache.disk_bytes,
    Pairs tls.certificates,
    Count limits.connections,
    Count limits.header_count,
    Text limits.header_bytes,
    Text limits.uri_length,
    Text limits.request_body,
    Count limits.requests_per_connection,
    Count limits.http2_streams,
    Text timeouts.header,
    Text timeouts.handshake,
    Text timeouts.idle,
    Text timeouts.read,
    Text timeouts.write,
    Count upstream.idle_connections,
    Text upstream.idle_timeout,
    Text log.filter,
    Text log.format,
    Text access_log.format,
    Text access_log.path,
    Count access_log.queue,
    Text shutdown.drain,
];

impl Key {
    /// Returns the key's path in the file, such as `gateway.http`.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// Returns the variable that overrides the key.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}_{}", self.section, self.name).to_uppercase()
    }

    /// Writes the value of a variable as a settings file that states this key alone.
    pub(super) fn fragment(&self, value: &str) -> Result<String, Violation> {
        let list = || value.split(',').map(str::trim).filter(|part| !part.is_empty());
        let stated = match self.kind {
            Kind::Count if value.trim().parse::<i64>().is_ok() => value.trim().to_owned(),
            Kind::Flag if matches!(value.trim(), "true" | "false") => value.trim().to_owned(),
            Kind::Count | Kind::Flag | Kind::Text => quoted(value.trim()),
            Kind::List => format!("[{}]", list().map(quoted).collect::<Vec<_>>().join(", ")),
            Kind::Pairs => format!(
                "[{}]",
                list()
                    .map(|pair| self.pair(pair))
                    .collect::<Result<Vec<_>, _>>()?
                    .join(", ")
            ),
        };
        Ok(format!("[{}]\n{} = {stated}\n", self.section, self.name))
    }

    fn pair(&self, text: &str) -> Result<String, Violation> {
        match text.split_once(':') {
            Some((chain, key)) => Ok(format!("{{ certificate = {}, key = {} }}", quoted(chain), quoted(key))),
            None => Err(blame(&self.variable(), self.path(), format!("`{text}` names no key"))
                .fix("write `cert.pem:key.pem`, several separated by commas")),
        }
    }
}

/// Finds the key that a variable overrides; none where the variable is known to mean something else.
pub(super) fn find(variable: &str, value: &str) -> Result<Option<&'static Key>, Violation> {
    if let Some(key) = KEYS.iter().find(|key| key.variable() == variable) {
        return Ok(Some(key));
    }
    if OTHERS.contains(&variable) || is_service_link(variable, value) {
        Ok(None)
    } else {
        Err(unknown(variable))
    }
}

/// Blames a variable.
pub(super) fn blame(variable: &str, path: String, message: String) -> Violation {
    Violation {
        file: variable.to_owned(),
        line: 0,
        column: 0,
        path,
        message,
        fix: None,
    }
}

/// Every variable of the settings begins so.
pub(super) const PREFIX: &str = "TOLLGATE_";

/// Variables that are no settings: the default of `--conf`.
const OTHERS: [&str; 1] = ["TOLLGATE_CONF"];

/// Tells whether Kubernetes or Docker set a variable because a service is called `tollgate`, or `tollgate-` something.
fn is_service_link(variable: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let is_port = variable
        .rsplit_once("_PORT_")
        .is_some_and(|(_, port)| port.starts_with(|c: char| c.is_ascii_digit()));
    variable.ends_with("_SERVICE_HOST")
        || variable.ends_with("_SERVICE_PORT")
        || variable.contains("_SERVICE_PORT_")
        || (is_address && variable.ends_with("_PORT"))
        || is_port
}

fn unknown(variable: &str) -> Violation {
    let known: Vec<_> = KEYS.iter().map(Key::variable).collect();
    let stated = variable.strip_prefix(PREFIX).unwrap_or(variable).to_lowercase();
    let section = KEYS
        .iter()
        .map(|key| key.section)
        .rfind(|section| stated.starts_with(&format!("{section}_")));
    let fix = match (nearest(variable, known.iter().map(String::as_str)), section) {
        (Some(meant), _) => format!("did you mean `{meant}`?"),
        (None, Some(section)) => {
            let names: Vec<_> = KEYS
                .iter()
                .filter(|key| key.section == section)
                .map(|key| format!("`{}`", key.name))
                .collect();
            format!("`[{section}]` has {}", names.join(", "))
        }
        (None, None) => "settings are named `TOLLGATE_<SECTION>_<KEY>`, such as `TOLLGATE_GATEWAY_HTTP`".to_owned(),
    };
    blame(variable, String::new(), format!("`{variable}` names no setting")).fix(fix)
}

/// Writes a string of TOML on one line; the escapes of JSON are among those of TOML.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(variable: &str, value: &str) -> String {
        find(variable, value).unwrap().unwrap().fragment(value).unwrap()
    }

    #[test]
    fn a_variable_becomes_a_line_of_the_file() {
        let lines = [
            (
                "TOLLGATE_GATEWAY_HTTP",
                "127.0.0.1:1, [::1]:2",
                "[gateway]\nhttp = [\"127.0.0.1:1\", \"[::1]:2\"]\n",
            ),
            ("TOLLGATE_GATEWAY_HTTPS", "", "[gateway]\nhttps = []\n"),
            ("TOLLGATE_DATA_DIR", "/x \"y\"", "[data]\ndir = \"/x \\\"y\\\"\"\n"),
            ("TOLLGATE_LIMITS_CONNECTIONS", "7", "[limits]\nconnections = 7\n"),
            (
                "TOLLGATE_LIMITS_CONNECTIONS",
                "many",
                "[limits]\nconnections = \"many\"\n",
            ),
            ("TOLLGATE_ACCESS_LOG_PATH", "a.log", "[access_log]\npath = \"a.log\"\n"),
            (
                "TOLLGATE_TLS_CERTIFICATES",
                "c:k",
                "[tls]\ncertificates = [{ certificate = \"c\", key = \"k\" }]\n",
            ),
        ];
        for (variable, value, line) in lines {
            assert_eq!(fragment(variable, value), line);
        }
        let key = find("TOLLGATE_TLS_CERTIFICATES", "").unwrap().unwrap();
        assert_eq!(key.fragment("cert.pem").unwrap_err().message, "`cert.pem` names no key");
    }

    #[test]
    fn a_variable_that_names_no_setting_is_refused_with_the_likely_one() {
        let fix = |variable| find(variable, "1").map(|_| ()).unwrap_err().fix.unwrap();
        assert_eq!(fix("TOLLGATE_GATEWAY_HTP"), "did you mean `TOLLGATE_GATEWAY_HTTP`?");
        assert_eq!(fix("TOLLGATE_GATWAY_HTTP"), "did you mean `TOLLGATE_GATEWAY_HTTP`?");
        assert!(fix("TOLLGATE_CATALOG_RELOAD_INTERVAL").contains("`[catalog]` has `dir`"));
        assert!(fix("TOLLGATE_X").contains("TOLLGATE_<SECTION>_<KEY>"));
    }

    #[test]
    fn what_kubernetes_sets_for_a_service_called_tollgate_is_no_setting() {
        let links = [
            ("TOLLGATE_SERVICE_HOST", "10.0.0.1"),
            ("TOLLGATE_SERVICE_PORT", "8280"),
            ("TOLLGATE_SERVICE_PORT_HTTP", "8280"),
            ("TOLLGATE_PORT", "tcp://10.0.0.1:8280"),
            ("TOLLGATE_PORT_8280_TCP", "tcp://10.0.0.1:8280"),
            ("TOLLGATE_GATEWAY_PORT_8280_TCP_ADDR", "10.0.0.1"),
            ("TOLLGATE_CONF", "conf"),
        ];
        assert!(
            links
                .iter()
                .all(|(variable, value)| find(variable, value).unwrap().is_none())
        );
        assert!(find("TOLLGATE_GATEWAY_PORT", "8280").is_err());
    }

    #[test]
    fn no_two_keys_share_a_variable() {
        let mut variables: Vec<_> = KEYS.iter().map(Key::variable).collect();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), KEYS.len());
        assert!(variables.iter().all(|variable| !is_service_link(variable, "")));
    }
}
