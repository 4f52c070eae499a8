//! What makes the API of a file an Api.

use super::known::Known;
use super::page::{Page, Spot, named};
use super::version;
use crate::model::api::{Api, ApiVersion};
use crate::model::document::{Document, Several};
use crate::model::name::{ApiName, Context, TenantName, VersionName};
use crate::model::source::References;
use crate::model::suggestion::did_you_mean;
use crate::model::violation::Violation;

/// Believes the API of a file, if it has one. Nothing is returned without a violation found or a place lost.
pub(super) fn believe(
    page: &Page,
    known: &Known<'_>,
    references: &dyn References,
    found: &mut Vec<Violation>,
) -> Option<Api> {
    let document = &page.document;
    let root = page.spot();
    if !page.has_api() {
        check_strays(&root, document, found);
        return None;
    }
    let name = required(&root, "name", document.name.as_deref(), ApiName::parse, found);
    let context = required(&root, "context", document.context.as_deref(), Context::parse, found);
    let tenant = known.tenant(&root.key("tenant"), document.tenant.as_deref(), found);
    if document.versions.is_empty() && !root.lost("versions") {
        found.push(root.blame("the API has no versions").fix("add a `[[versions]]`"));
    }
    check_repeated_versions(&root, document, found);
    let default_version = default_version(&root, document, context.as_ref(), found);
    let versions = versions(&root, document, (known, tenant.as_ref(), references), found);
    Some(Api {
        name: name?,
        tenant: tenant?,
        context: context?,
        default_version,
        versions,
    })
}

/// Blames what belongs to an API in a file that states none.
fn check_strays(root: &Spot<'_>, document: &Document, found: &mut Vec<Violation>) {
    let stray = |key| {
        let message = format!("`{key}` belongs to an API, and this file states none");
        root.key(key).blame(message).fix(format!(
            "add the API's `name`, `context` and `[[versions]]`, or remove `{key}`"
        ))
    };
    found.extend(document.tenant.is_some().then(|| stray("tenant")));
    found.extend(root.states("default_version").then(|| stray("default_version")));
}

fn required<N>(
    root: &Spot<'_>,
    key: &'static str,
    text: Option<&str>,
    parse: fn(&str) -> Result<N, crate::model::name::NameError>,
    found: &mut Vec<Violation>,
) -> Option<N> {
    match text {
        Some(text) => named(&root.key(key), text, parse, found),
        None => {
            if !root.lost(key) {
                found.push(
                    root.blame(format!("the API has no `{key}`"))
                        .fix(format!("add `{key} = \"...\"`")),
                );
            }
            None
        }
    }
}

fn check_repeated_versions(root: &Spot<'_>, document: &Document, found: &mut Vec<Violation>) {
    let list = root.key("versions");
    let mut seen = std::collections::HashMap::new();
    for (index, version) in document.versions.iter().enumerate() {
        let spot = list.element(index);
        let at = spot.key("version");
        let label = version.version.as_str();
        match seen.get(label) {
            Some(&first) => {
                let first = list.element(first).key("version").origin().seen_from(&at);
                found.push(at.blame(format!("the version `{label}` is stated already ({first})")));
            }
            None => {
                seen.insert(label, index);
            }
        }
    }
}

fn default_version(
    root: &Spot<'_>,
    document: &Document,
    context: Option<&Context>,
    found: &mut Vec<Violation>,
) -> Vec<VersionName> {
    let Several { texts, is_list } = &document.default_version;
    let list = root.key("default_version");
    if let Some(context) = context.filter(|context| context.bare().is_none() && !texts.is_empty()) {
        found.push(
            list.blame(format!(
                "the context `{context}` has nothing left without the version, so no default can answer"
            ))
            .fix("remove `default_version`, or add a segment to the context"),
        );
    }
    super::page::unrepeated(&list, texts, found);
    let mut defaults = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let element = list.element(index);
        let at = if *is_list { &element } else { &list };
        let Some(label) = named(at, text, VersionName::parse, found) else {
            continue;
        };
        let labels = || document.versions.iter().map(|version| version.version.as_str());
        if !labels().any(|known| known == text) && !root.lost("versions") {
            let violation = at.blame(format!("unknown version `{text}`"));
            found.push(Violation {
                fix: did_you_mean(text, labels()),
                ..violation
            });
        }
        defaults.push(label);
    }
    defaults
}

fn versions(
    root: &Spot<'_>,
    document: &Document,
    (known, tenant, references): (&Known<'_>, Option<&TenantName>, &dyn References),
    found: &mut Vec<Violation>,
) -> Vec<ApiVersion> {
    let list = root.key("versions");
    let mut versions = Vec::with_capacity(document.versions.len());
    for (index, stated) in document.versions.iter().enumerate() {
        versions.extend(version::believe(
            &list.element(index),
            stated,
            (known, tenant, references),
            found,
        ));
    }
    versions
}
