//! Names of a source made names here: the API's own, its version's, its context, the file that holds it.

use super::note::brief;
use super::{Stated, blame};
use crate::model::name::{ApiName, Context, NameError, TenantName, VersionName};
use crate::model::violation::Violation;

/// A name that a source states, and where.
pub(super) struct Named<'t> {
    pub(super) text: Option<&'t str>,
    pub(super) at: &'t str,
}

/// What an API is called and where it is reached.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) context: String,
    /// `None` for the root tenant.
    pub(super) tenant: Option<String>,
}

/// Decides what an API is called: as stated, else as its source says; the context of neither is made of the name.
pub(super) fn names(
    file: &str,
    stated: &Stated,
    (name, version, context): (&Named<'_>, &Named<'_>, &Named<'_>),
) -> Result<Names, Violation> {
    let check = |error: NameError, at: &str, option: &str| {
        let fix = error.fix();
        blame(file, at, brief_error(&error)).fix(fix.unwrap_or_else(|| format!("state another with `{option}`")))
    };
    let missing = |at: &str, what: &str, option: &str| {
        blame(file, at, format!("there is no {what}")).fix(format!("state it there, or with `{option}`"))
    };
    let label = stated.version.as_deref().or(version.text);
    let label = label.ok_or_else(|| missing(version.at, "version", "--version"))?;
    VersionName::parse(label).map_err(|error| check(error, version.at, "--version"))?;
    let called = stated.name.as_deref().or(name.text);
    let called = called.ok_or_else(|| missing(name.at, "name", "--name"))?;
    ApiName::parse(called).map_err(|error| check(error, name.at, "--name"))?;
    let (path, tenant) = match (&stated.context, context.text) {
        (Some(path), _) => (path.clone(), None),
        (None, Some(path)) => split(path, label),
        (None, None) => (format!("/{}", slug(called)), None),
    };
    Context::parse(&path).map_err(|error| check(error, context.at, "--context"))?;
    let tenant = stated.tenant.clone().or(tenant);
    if let Some(domain) = &tenant {
        TenantName::parse(domain).map_err(|error| check(error, context.at, "--tenant"))?;
    }
    let is_root = |domain: &String| domain == TenantName::root().as_str();
    Ok(Names {
        name: called.to_owned(),
        version: label.to_owned(),
        context: path,
        tenant: tenant.filter(|domain| !is_root(domain)),
    })
}

fn brief_error(error: &NameError) -> String {
    let said = error.to_string();
    if said.chars().count() > 400 { brief(&said) } else { said }
}

/// Returns a context without the version that follows it, and the tenant of `/t/<domain>/` before it (W 1.1).
fn split(path: &str, version: &str) -> (String, Option<String>) {
    let mut path = format!("/{}", path.trim().trim_matches('/'));
    let mut tenant = None;
    if let Some((domain, rest)) = path.strip_prefix("/t/").and_then(|rest| rest.split_once('/')) {
        tenant = Some(domain.to_lowercase());
        path = format!("/{rest}");
    }
    let bare = ["/{version}", &format!("/{version}")]
        .into_iter()
        .find_map(|suffix| path.strip_suffix(suffix).filter(|bare| !bare.is_empty()));
    (bare.map_or_else(|| path.clone(), str::to_owned), tenant)
}

/// Returns the name of the file that an API is written to, without a folder, such as `pizza-shack.toml`.
pub fn file_name(api: &str) -> String {
    format!("{}.toml", slug(api))
}

/// Makes a name one of lower-case letters, digits and hyphens.
fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len().min(64));
    for character in name.chars() {
        if slug.len() >= 64 {
            break;
        }
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() {
        "api".to_owned()
    } else {
        slug.to_owned()
    }
}
