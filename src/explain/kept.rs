//! What is kept of a resource's responses, in words: whether, for how long, and what tells entries apart.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName};

use super::explanation::Keeping;
use super::question::Asked;
use crate::model::caching::{CacheMode, Obeyed, QueryKey, SetCookie};
use crate::model::method::MethodName;
use crate::model::unit::Period;
use crate::snapshot::{CachePolicy, Route};

/// Says what is kept of a resource's responses, this request's among them; nothing where nothing is.
pub(super) fn kept(route: &Route, asked: &Asked) -> Vec<String> {
    let Some(policy) = route.cache.as_deref() else {
        return Vec::new();
    };
    vec![
        own(policy, keeping(route, asked), asked),
        admission(policy),
        key(policy),
        requests(policy),
    ]
}

/// Tells whether the response to a request may be kept.
pub(super) fn keeping(route: &Route, asked: &Asked) -> Keeping {
    let Some(policy) = route.cache.as_deref() else {
        return Keeping::NotKept;
    };
    let is_named = MethodName::find(&asked.method).is_some_and(|method| policy.caching.methods.contains(method));
    let is_posted = policy.caching.keeps_posts && asked.method == "POST";
    let is_taken = is_named || is_posted && policy.caching.methods.contains(MethodName::Get);
    match shown(policy, asked.headers()) {
        _ if !is_taken => Keeping::NotKept,
        Some(_) if !policy.caching.is_shared => Keeping::IfPublic,
        Some(_) | None => Keeping::Kept,
    }
}

/// Names the field of the request, that endpoints see, by which its response is the caller's own.
fn shown(policy: &CachePolicy, headers: &HeaderMap) -> Option<&'static str> {
    let fields = [(COOKIE, "Cookie"), (AUTHORIZATION, "Authorization")];
    let shown = fields.iter().find(|(name, _)| {
        let reaches = *name == COOKIE && !policy.caching.headers.contains(&COOKIE) || policy.is_open;
        headers.contains_key(name) && reaches
    });
    shown.map(|(_, name)| *name)
}

/// Says what becomes of the response to this request.
fn own(policy: &CachePolicy, keeping: Keeping, asked: &Asked) -> String {
    match (keeping, shown(policy, asked.headers())) {
        (Keeping::NotKept, _) => format!(
            "the response to this {} is not kept: only those of {} are",
            asked.method, policy.caching.methods
        ),
        (Keeping::IfPublic, Some(name)) => format!(
            "the response to this request is kept only where it is `public` or says otherwise that it is for others, as \
             the endpoint sees its `{name}`"
        ),
        (Keeping::Kept | Keeping::IfPublic, _) if asked.method == "POST" => {
            "the response to this POST is kept for GET where it says how long, and by `Content-Location` that it is what \
             GET would get"
                .to_owned()
        }
        (Keeping::Kept | Keeping::IfPublic, _) => {
            "the response to this request is kept where it says nothing against it".to_owned()
        }
    }
}

fn admission(policy: &CachePolicy) -> String {
    let caching = &policy.caching;
    let timeout = caching.timeout.map(|timeout| Period(timeout).to_string());
    let time = match (caching.mode, timeout) {
        (CacheMode::Fixed, Some(timeout)) => format!("for {timeout}"),
        (_, Some(timeout)) => format!("as long as they say, or for {timeout}"),
        (_, None) => "as long as they say".to_owned(),
    };
    let but = match caching.set_cookie {
        SetCookie::Drop => "without `Set-Cookie`",
        SetCookie::Keep => "nor with `Set-Cookie` where they do not say how long",
        SetCookie::Refuse => "nor with `Set-Cookie`",
    };
    let number = caching.max_entries.map(|most| format!(", {most} of them,"));
    let number = number.unwrap_or_default();
    let statuses = match caching.statuses.as_slice() {
        [] => String::new(),
        some => {
            let some: Vec<String> = some.iter().map(u16::to_string).collect();
            format!(" with status {}", some.join(", "))
        }
    };
    format!(
        "responses of {} and {} at most{statuses}{number} are kept {time}; not where they are `private` or `no-store`, \
         {but}",
        caching.methods, caching.max_body
    )
}

fn key(policy: &CachePolicy) -> String {
    let caching = &policy.caching;
    let mut parts = vec!["version, resource, environment, scheme, path".to_owned()];
    if caching.by_host {
        parts.push("host".to_owned());
    }
    parts.push(match &caching.query {
        QueryKey::All => "query".to_owned(),
        QueryKey::Except(names) => format!("query but for {}", names.join(", ")),
        QueryKey::Only(names) => format!("of the query {}", names.join(", ")),
    });
    let unkeyed = &caching.unkeyed_headers;
    parts.push(if unkeyed.is_empty() {
        "fields that reach the endpoint".to_owned()
    } else {
        let names: Vec<&str> = unkeyed.iter().map(HeaderName::as_str).collect();
        format!("fields that reach the endpoint but for {}", names.join(", "))
    });
    if caching.keeps_parts {
        parts.push("the range, where the whole is not kept".to_owned());
    }
    parts.push("what `Vary` names".to_owned());
    if !policy.is_open && !caching.is_shared {
        parts.push("the caller, unless the response is `public`".to_owned());
    }
    format!("entries are told apart by: {}", parts.join("; "))
}

fn requests(policy: &CachePolicy) -> String {
    let whose = match policy.caching.obeys {
        Obeyed::Callers => "of callers who have proven who they are",
        Obeyed::Everybody => "of everybody",
        Obeyed::Nobody => "of nobody",
    };
    format!("the `Cache-Control` {whose} is obeyed")
}
