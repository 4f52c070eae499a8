//! A counting rule: quotas for whatever its key tells apart, beside all tiers (W 3.3, "custom rule").

use std::fmt;

use http::HeaderName;
use thiserror::Error;

use super::condition::Condition;
use super::name::{RuleName, TenantName};
use super::place::Place;
use super::tier::Limit;

/// Quotas for whatever its key tells apart.
#[derive(Clone, Debug)]
pub struct CountingRule {
    /// Its name, unique in its tenant.
    pub name: RuleName,
    /// The tenant that states it.
    pub tenant: TenantName,
    /// Whether it is for the APIs of every tenant, or for those of its own alone.
    pub is_everywhere: bool,
    /// What has a count of its own.
    pub key: KeyTemplate,
    /// What must all be true of a request that it counts.
    pub conditions: Vec<Condition>,
    /// The quotas.
    pub limits: Vec<Limit>,
    /// Whether what is beyond a quota is refused; else it passes, and is said to be over.
    pub is_hard: bool,
    /// Where it was stated.
    pub place: Place,
}

/// The template of a key, such as `{application}:{header:X-Site}`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyTemplate {
    text: String,
    variables: Vec<Variable>,
}

/// What a template names of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Variable {
    /// The name of the Api.
    Api,
    /// The application that calls; who has none is not counted.
    Application,
    /// The domain of the application's tenant; who has no application is not counted.
    ApplicationTenant,
    /// A claim of the token; whose token has none is not counted.
    Claim(String),
    /// The caller's address; of IPv6, its network of 64 bits.
    ClientIp,
    /// The path at which the version is mounted.
    Context,
    /// A header field; who sends none shares a count with all who do not.
    Header(HeaderName),
    /// A parameter of the query; who sends none shares a count with all who do not.
    Query(String),
    /// The template of the resource.
    Resource,
    /// The domain of the tenant that owns the Api.
    Tenant,
    /// Whoever calls, or on whose behalf; who has no name is not counted.
    User,
    /// The label of the version.
    Version,
}

/// Why a text is no template of a key.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum TemplateError {
    /// A header field that is none.
    #[error("`{0}` is not the name of a header field")]
    BadHeader(String),
    /// A brace that is not closed, or was not opened.
    #[error("a `{{` and a `}}` do not belong together")]
    Braces,
    /// No variable: all requests would share one count.
    #[error("it names no variable")]
    Constant,
    /// More variables than are counted by.
    #[error("it names more than {MOST_VARIABLES} variables")]
    Many,
    /// A variable twice.
    #[error("it names `{{{0}}}` twice")]
    Twice(String),
    /// A variable that is none.
    #[error("unknown variable `{{{0}}}`")]
    Unknown(String),
}

impl KeyTemplate {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// Returns the first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut variables = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let inner = rest.get(at..).and_then(|rest| rest.strip_prefix('{'));
            let (inner, after) = inner
                .and_then(|inner| inner.split_once('}'))
                .ok_or(TemplateError::Braces)?;
            if inner.contains('{') {
                return Err(TemplateError::Braces);
            }
            let variable = Variable::parse(inner)?;
            if variables.contains(&variable) {
                return Err(TemplateError::Twice(inner.to_owned()));
            }
            variables.push(variable);
            rest = after;
        }
        match variables.len() {
            0 => Err(TemplateError::Constant),
            1..=MOST_VARIABLES => Ok(Self {
                text: text.to_owned(),
                variables,
            }),
            _ => Err(TemplateError::Many),
        }
    }

    /// Returns what it names, in its order.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Returns it as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Variable {
    /// The words that stand for themselves; `claim:`, `header:` and `query:` are followed by a name.
    pub const WORDS: [&str; 12] = [
        "api",
        "application",
        "application_tenant",
        "claim:",
        "client_ip",
        "context",
        "header:",
        "query:",
        "resource",
        "tenant",
        "user",
        "version",
    ];

    fn parse(text: &str) -> Result<Self, TemplateError> {
        let unknown = || TemplateError::Unknown(text.to_owned());
        if let Some((kind, name)) = text.split_once(':') {
            if name.is_empty() {
                return Err(unknown());
            }
            return match kind {
                "claim" => Ok(Self::Claim(name.to_owned())),
                "header" => {
                    let field = name.to_ascii_lowercase().parse();
                    field
                        .map(Self::Header)
                        .map_err(|_| TemplateError::BadHeader(name.to_owned()))
                }
                "query" => Ok(Self::Query(name.to_owned())),
                _ => Err(unknown()),
            };
        }
        match text {
            "api" => Ok(Self::Api),
            "application" => Ok(Self::Application),
            "application_tenant" => Ok(Self::ApplicationTenant),
            "client_ip" => Ok(Self::ClientIp),
            "context" => Ok(Self::Context),
            "resource" => Ok(Self::Resource),
            "tenant" => Ok(Self::Tenant),
            "user" => Ok(Self::User),
            "version" => Ok(Self::Version),
            _ => Err(unknown()),
        }
    }
}

/// Writes the template as it was written.
impl fmt::Display for KeyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A key tells apart by no more.
pub const MOST_VARIABLES: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_names_variables_among_other_text() {
        let template = KeyTemplate::parse("a:{application}/{header:X-Site}{claim:urn:x:dept}").unwrap();
        let site = HeaderName::from_static("x-site");
        assert_eq!(
            template.variables(),
            [
                Variable::Application,
                Variable::Header(site),
                Variable::Claim("urn:x:dept".to_owned())
            ]
        );
        for word in Variable::WORDS {
            let word = if word.ends_with(':') {
                format!("{word}x")
            } else {
                word.to_owned()
            };
            assert!(KeyTemplate::parse(&format!("{{{word}}}")).is_ok(), "{word}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        let many: String = [
            "api",
            "application",
            "client_ip",
            "context",
            "tenant",
            "user",
            "version",
        ]
        .map(|word| format!("{{{word}}}"))
        .concat();
        for (text, expected) in [
            ("", TemplateError::Constant),
            ("all", TemplateError::Constant),
            ("{api", TemplateError::Braces),
            ("api}", TemplateError::Braces),
            ("{a{pi}}", TemplateError::Braces),
            ("{apis}", TemplateError::Unknown("apis".to_owned())),
            ("{header:}", TemplateError::Unknown("header:".to_owned())),
            ("{cookie:a}", TemplateError::Unknown("cookie:a".to_owned())),
            ("{header:a b}", TemplateError::BadHeader("a b".to_owned())),
            ("{api}{api}", TemplateError::Twice("api".to_owned())),
            (many.as_str(), TemplateError::Many),
        ] {
            assert_eq!(KeyTemplate::parse(text), Err(expected), "{text}");
        }
    }
}
