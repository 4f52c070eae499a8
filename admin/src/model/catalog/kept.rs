//! APIs that were believed, kept from one catalog to the next: most changes touch one file of a thousand.
//!
//! What a file says of its API depends on its text, on what the catalog knows by name, and on what it refers to outside
//! of the catalog. Where the first two are what they were and it asked for nothing outside, it says the same again. So of
//! many files that state an API and nothing else, most need not be held in memory while others are read, at some twenty
//! times their text: they are read again when their turn comes.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::Arc;

use ahash::AHashMap;

use super::api;
use super::claims::Claimant;
use super::known::Known;
use super::page::Page;
use crate::courtesy::others_first;
use crate::model::api::Api;
use crate::model::document::Document;
use crate::model::reader::{self, Reading};
use crate::model::source::{References, Source};
use crate::model::violation::Violation;

/// APIs that were believed, by the names of their files.
pub struct Kept {
    /// What was known by name when they were.
    known: Vec<String>,
    held: AHashMap<Arc<str>, Held>,
    /// So much text of files that state an API and nothing else is held as it was read, in bytes.
    room: usize,
}

struct Held {
    text: Arc<str>,
    api: Arc<Api>,
    is_plain: bool,
}

/// A file that could be read.
pub(super) struct Leaf<'s> {
    source: &'s Source,
    /// Its place among the pages; nothing where it is read again when its API is believed.
    page: Option<usize>,
}

impl Kept {
    /// Reads files, and returns as pages those that state more than an API, that are not sound, or that there is room for.
    pub(super) fn read<'s>(
        &self,
        sources: &'s [Source],
        references: &dyn References,
        found: &mut Vec<Violation>,
    ) -> (Vec<Page>, Vec<Leaf<'s>>) {
        let mut pages = Vec::new();
        let mut leaves = Vec::with_capacity(sources.len());
        let mut room = self.room;
        for source in sources {
            others_first();
            let held = self.held.get(&source.name).filter(|held| source.says(&held.text));
            if held.is_some_and(|held| held.is_plain) {
                leaves.push(Leaf { source, page: None });
                continue;
            }
            let Some(page) = read(source, references, found) else {
                continue;
            };
            let left = room.checked_sub(source.text.len());
            let is_let_go = page.is_sound && page.is_plain() && left.is_none();
            room = left.unwrap_or(room);
            leaves.push(Leaf {
                source,
                page: (!is_let_go).then_some(pages.len()),
            });
            pages.extend(Some(page).filter(|_| !is_let_go));
        }
        (pages, leaves)
    }

    /// Believes the APIs of files, and returns them with what each file claims.
    pub(super) fn believe<'a>(
        &mut self,
        (pages, leaves): (&'a [Page], &[Leaf<'a>]),
        (known, references): (&Known<'_>, &dyn References),
        found: &mut Vec<Violation>,
    ) -> (Vec<Arc<Api>>, Vec<Claimant<'a>>) {
        let mut before = std::mem::take(&mut self.held);
        let summary = known.summary();
        if self.known != summary {
            self.known = summary;
            before.clear();
        }
        let (mut apis, mut claimants) = (Vec::with_capacity(leaves.len()), Vec::with_capacity(leaves.len()));
        for Leaf { source, page } in leaves {
            others_first();
            let page = page.and_then(|at| pages.get(at));
            let held = before.remove(&source.name).filter(|held| source.says(&held.text));
            if let Some(held) = held {
                claimants.push(page.map_or_else(|| Claimant::Api(source, Arc::clone(&held.api)), Claimant::Page));
                apis.push(Arc::clone(&held.api));
                self.held.insert(Arc::clone(&source.name), held);
                continue;
            }
            let again = match page {
                Some(_) => None,
                None => read(source, references, found),
            };
            let Some(read) = page.or(again.as_ref()) else { continue };
            let (count, asked) = (found.len(), Asked::of(references));
            let api = api::believe(read, known, &asked, found).map(Arc::new);
            let is_kept = read.is_sound && found.len() == count && !asked.any.get();
            if let Some(api) = api.as_ref().filter(|_| is_kept) {
                let held = Held {
                    text: Arc::clone(&source.text),
                    api: Arc::clone(api),
                    is_plain: read.is_plain(),
                };
                self.held.insert(Arc::clone(&source.name), held);
            }
            claimants.push(match (page, again, &api) {
                (Some(page), ..) => Claimant::Page(page),
                (None, Some(_), Some(api)) if found.len() == count => Claimant::Api(source, Arc::clone(api)),
                // What could not be believed of it is claimed all the same.
                (None, Some(page), _) => Claimant::Broken(Box::new(page)),
                (None, None, _) => continue,
            });
            apis.extend(api);
        }
        (apis, claimants)
    }
}

/// Of some hundred files none is read twice.
const ROOM: usize = 256 << 10;

fn read(source: &Source, references: &dyn References, found: &mut Vec<Violation>) -> Option<Page> {
    let asked = Asked::of(references);
    let Reading { kept, violations } = reader::recover::<Document>(source, &asked);
    let is_sound = violations.is_empty() && !asked.any.get();
    found.extend(violations);
    kept.map(|(document, places)| Page {
        document,
        places,
        is_sound,
    })
}

/// References that remember whether any was followed.
struct Asked<'a> {
    references: &'a dyn References,
    any: Cell<bool>,
}

impl<'a> Asked<'a> {
    fn of(references: &'a dyn References) -> Self {
        Self {
            references,
            any: Cell::new(false),
        }
    }
}

impl References for Asked<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.any.set(true);
        self.references.variable(name)
    }

    fn file(&self, source: &str, path: &str) -> io::Result<String> {
        self.any.set(true);
        self.references.file(source, path)
    }

    fn named_by<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.references.named_by(text)
    }
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            held: AHashMap::new(),
            room: ROOM,
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.held.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io;

    use super::*;
    use crate::model::catalog::Catalog;
    use crate::model::source::NoReferences;

    /// Variables that tests may change.
    struct Variables(RefCell<String>);

    impl References for Variables {
        fn variable(&self, _: &str) -> Option<String> {
            Some(self.0.borrow().clone())
        }

        fn file(&self, _: &str, _: &str) -> io::Result<String> {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn api(name: &str, endpoint: &str) -> Source {
        Source {
            name: format!("apis/{name}.toml").into(),
            text: format!(
                "name = \"{name}\"\ncontext = \"/{name}\"\n[[versions]]\nversion = \"1\"\nendpoints.production = \"{endpoint}\"\n\
                 [[versions.resources]]\npath = \"/\"\nmethods = [\"GET\"]\n"
            )
            .into(),
        }
    }

    /// Has room for nothing, so that each file is read when its turn comes.
    fn tight() -> Kept {
        Kept {
            room: 0,
            ..Kept::default()
        }
    }

    #[test]
    fn what_is_believed_in_part_claims_all_that_it_says() {
        let source = |name: &str, text: String| Source {
            name: name.into(),
            text: text.into(),
        };
        let second = "[[versions]]\nversion = \"b\"\nendpoints.production = \"http://a\"\n\
                      [[versions.resources]]\npath = \"/\"\nmethods = [\"GET\"]\n";
        let sources = [
            source("first.toml", api("first", "http://a").text.replace("/first", "/one/b")),
            source("one.toml", [&*api("one", "nowhere").text, second].concat()),
            source("deny.toml", "[[deny]]\napi = \"one\"\nversion = \"1\"\n".to_owned()),
        ];
        let found = |kept: &mut Kept| Catalog::believe_again(&sources, &NoReferences, kept).unwrap_err();
        let violations = found(&mut tight());
        assert_eq!(violations, found(&mut Kept::default()));
        let paths: Vec<_> = violations.iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(paths, ["versions[0].endpoints.production", "versions[1].version"]);
    }

    #[test]
    fn what_is_read_again_says_what_it_would_say_anew() {
        let variables = Variables(RefCell::new("a.example".to_owned()));
        let mut kept = tight();
        let both = |kept: &mut Kept, sources: &[Source]| {
            let again = Catalog::believe_again(sources, &variables, kept);
            let anew = Catalog::believe(sources, &variables);
            assert_eq!(format!("{again:?}"), format!("{anew:?}"));
            again
        };
        let sources = [
            api("one", "http://a"),
            api("two", "http://${HOST}"),
            api("three", "http://c"),
        ];
        both(&mut kept, &sources).unwrap();
        assert_eq!(kept.held.len(), 2, "what refers to something is read each time");
        *variables.0.borrow_mut() = "b.example".to_owned();
        let catalog = both(&mut kept, &sources).unwrap();
        assert!(format!("{catalog:?}").contains("b.example"));
        let edited = [
            api("one", "http://z"),
            api("three", "http://c"),
            api("four", "http://d"),
        ];
        both(&mut kept, &edited).unwrap();
        let broken = [api("one", "http://z"), api("three", "nowhere"), api("four", "http://d")];
        both(&mut kept, &broken).unwrap_err();
        both(&mut kept, &broken).unwrap_err();
        both(&mut kept, &edited).unwrap();
        let copy = Source {
            name: "apis/copy.toml".into(),
            text: Arc::clone(&edited[0].text),
        };
        let clashing = [edited.as_slice(), &[copy]].concat();
        both(&mut kept, &clashing).unwrap_err();
        both(&mut kept, &clashing).unwrap_err();
    }

    const SHARED: &str = r#"
[[tenants]]
domain = "acme.example"
[[tiers]]
tenant = "acme.example"
name = "Gold"
level = "subscription"
limits = [{ requests = 5, per = "1m" }]
[[scopes]]
tenant = "acme.example"
key = "read"
[[key_managers]]
tenant = "acme.example"
name = "Idp"
issuer = "https://idp.example"
jwks_url = "https://idp.example/jwks"
"#;

    const NEWS: &str = r#"
name = "News"
context = "/news"
tenant = "acme.example"
[[versions]]
version = "1"
security = ["oauth2"]
tiers = ["Gold"]
key_managers = ["Idp"]
endpoints.production = "http://a"
[[versions.resources]]
path = "/"
methods = ["GET"]
scopes = ["read"]
"#;

    #[test]
    fn an_api_that_is_kept_follows_what_other_files_say() {
        let mut kept = tight();
        let mut both = |shared: &str| {
            let source = |name: &str, text: &str| Source {
                name: name.into(),
                text: text.into(),
            };
            let sources = [source("news.toml", NEWS), source("shared.toml", shared)];
            let again = Catalog::believe_again(&sources, &NoReferences, &mut kept);
            let anew = Catalog::believe(&sources, &NoReferences);
            assert_eq!(format!("{again:?}"), format!("{anew:?}"), "{shared}");
            again.map(|catalog| catalog.apis()[0].clone())
        };
        for (is, becomes) in [
            ("Idp", "Other"),
            ("acme.example", "globex.example"),
            ("key = \"read\"", "key = \"write\""),
            ("level = \"subscription\"", "level = \"resource\""),
        ] {
            let before = both(SHARED).unwrap();
            assert!(Arc::ptr_eq(&before, &both(SHARED).unwrap()), "it is kept");
            both(&SHARED.replace(is, becomes)).unwrap_err();
        }
        let domain = "domain = \"acme.example\"";
        for own in ["authorization_header = \"X-Acme\"", "anonymous_tier = \"Gold\""] {
            let before = both(SHARED).unwrap();
            let after = both(&SHARED.replace(domain, &format!("{domain}\n{own}"))).unwrap();
            assert_ne!(format!("{before:?}"), format!("{after:?}"), "{own}");
        }
    }
}
