//! The sections about who calls, within their bounds.

use std::path::Path;
use std::time::Duration;

use http::HeaderName;
use reqwest::Url;

use super::{Believer, MANY, last};
use crate::model::security::credential_field;
use crate::model::unit::Period;
use crate::settings::identity::{Credentials, OAuth, RegistryUrl};
use crate::settings::raw;

impl Believer {
    /// Checks where the registry is, without repeating it: it may hold a password.
    pub(super) fn registry(&mut self, raw: &raw::Registry) -> RegistryUrl {
        let path = "registry.url";
        let fix = "write `sqlite`, `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`";
        let url = match raw.url.strip_prefix("sqlite:") {
            Some(file) if is_path(file) => format!("sqlite:{}", self.base.join(Path::new(file)).display()),
            Some(_) => {
                self.blame(path, "`url` names no file", fix);
                "sqlite".to_owned()
            }
            None => raw.url.clone(),
        };
        self.address(path, &url, &["sqlite"], &["sqlite:", "postgres://", "postgresql://"]);
        if url.contains("://")
            && let Err(reason) = Url::parse(&url)
        {
            self.blame(path, format!("`url` is no address: {reason}"), fix);
        }
        RegistryUrl(url)
    }

    pub(super) fn oauth(&mut self, raw: &raw::OAuth) -> OAuth {
        let authorization_code = self.period("oauth.authorization_code", raw.authorization_code);
        if authorization_code > LONGEST_CODE {
            self.blame(
                "oauth.authorization_code",
                "`authorization_code` is more than 10 minutes",
                "a code is used at once (RFC 6749, 4.1.2)",
            );
        }
        let key_rotation = self.at_most("oauth.key_rotation", raw.key_rotation, YEAR);
        let access_token = self.lifetime("oauth.access_token", raw.access_token);
        if !key_rotation.is_zero() && key_rotation < access_token {
            self.blame(
                "oauth.key_rotation",
                "`key_rotation` is shorter than an access token lives",
                "rotate less often, or let tokens end sooner",
            );
        }
        OAuth {
            issuer: self.issuer(&raw.issuer),
            algorithm: raw.algorithm,
            access_token,
            refresh_token: self.lifetime("oauth.refresh_token", raw.refresh_token),
            authorization_code,
            key_rotation: (!key_rotation.is_zero()).then_some(key_rotation),
        }
    }

    pub(super) fn credentials(&mut self, raw: &raw::Credentials) -> Credentials {
        let certificate = "credentials.client_certificate_header";
        let client_certificate_header = (!raw.client_certificate_header.is_empty())
            .then(|| self.statement(certificate, &raw.client_certificate_header));
        let before = self.violations.len();
        let authorization_header = self.field("credentials.authorization_header", &raw.authorization_header);
        let api_key_header = self.field("credentials.api_key_header", &raw.api_key_header);
        // What was refused stands for nothing, so it clashes with nothing.
        if authorization_header == api_key_header && self.violations.len() == before {
            self.blame(
                "credentials.api_key_header",
                format!("`{api_key_header}` holds tokens and passwords already, by `authorization_header`"),
                "write another name in one of the two, such as `apikey` here",
            );
        }
        Credentials {
            authorization_header,
            api_key_header,
            client_certificate_header,
            backend_jwt_header: self.statement("credentials.backend_jwt_header", &raw.backend_jwt_header),
            token_cache: self.count("credentials.token_cache", raw.token_cache, MANY * 10),
            leeway: self.at_most("credentials.leeway", raw.leeway, Duration::from_secs(300)),
            introspection_cache: self.at_most_a_day("credentials.introspection_cache", raw.introspection_cache),
        }
    }

    /// Takes an issuer as callers must write it: every endpoint is this text with a path behind it.
    fn issuer(&mut self, issuer: &str) -> String {
        let parsed = Url::parse(issuer).ok().filter(|url| {
            ["http", "https"].contains(&url.scheme()) && url.has_host() && url.origin().ascii_serialization() == issuer
        });
        if parsed.is_none() {
            self.blame(
                "oauth.issuer",
                format!("`{issuer}` is not an issuer"),
                "write the scheme, the host and the port under which callers reach the gateway, and no more, such as \
                 `https://localhost:8243`; a scheme's own port is left out",
            );
        }
        issuer.to_owned()
    }

    fn lifetime(&mut self, path: &str, period: Period) -> Duration {
        if period.0 < Duration::from_secs(1) {
            self.blame(
                path,
                format!("`{}` is less than a second", last(path)),
                "write a time such as `1h`",
            );
        }
        self.at_most(path, period, YEAR)
    }

    fn at_most(&mut self, path: &str, period: Period, most: Duration) -> Duration {
        if period.0 > most {
            let message = format!("`{}` is more than {}", last(path), Period(most));
            self.blame(path, message, "write less");
        }
        period.0
    }

    /// Takes the name of a field in which one process tells another who calls.
    fn statement(&mut self, path: &str, name: &str) -> HeaderName {
        let field = HeaderName::try_from(name).ok().filter(|field| !FRAMING.contains(field));
        field.unwrap_or_else(|| {
            let message = format!("`{name}` is no header field that could hold it");
            self.blame(path, message, "write a name such as `X-JWT-Assertion`");
            http::header::AUTHORIZATION
        })
    }

    /// Takes the name of a field that holds credentials.
    fn field(&mut self, path: &str, name: &str) -> HeaderName {
        credential_field(name).unwrap_or_else(|reason| {
            let fix = format!("write a name such as `{}`", http::header::AUTHORIZATION);
            self.blame(path, reason.to_string(), fix);
            http::header::AUTHORIZATION
        })
    }
}

fn is_path(file: &str) -> bool {
    !file.is_empty() && !file.contains(['\n', '\0', '?'])
}

/// No code lives longer (RFC 6749, 4.1.2).
const LONGEST_CODE: Duration = Duration::from_secs(600);

const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Fields that frame, route or end a message: nothing else can be in them.
const FRAMING: [HeaderName; 8] = [
    http::header::CONNECTION,
    http::header::CONTENT_LENGTH,
    http::header::COOKIE,
    http::header::EXPECT,
    http::header::HOST,
    http::header::TE,
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
];
