//! Files that were read, kept from one catalog to the next: most changes touch one of a thousand.

use std::collections::HashMap;
use std::fmt;

use super::page::Page;
use crate::model::document::Document;
use crate::model::reader::{self, Reading};
use crate::model::source::{References, Source};
use crate::model::violation::Violation;

/// Files that were read, by their names.
///
/// Only those that say the same whatever they refer to, and so much of them that reading the rest again is cheaper than
/// keeping it: some twenty times the text, for at most 2 MiB of it.
#[derive(Default)]
pub struct Kept(HashMap<String, Page>);

impl Kept {
    /// Reads files, but for those whose text is what it was.
    pub(super) fn read(
        &mut self,
        sources: &[Source],
        references: &dyn References,
        found: &mut Vec<Violation>,
    ) -> Vec<Page> {
        let mut pages = Vec::with_capacity(sources.len());
        for source in sources {
            let known = self.0.remove(&*source.name);
            if let Some(page) = known.filter(|page| page.places.text() == &*source.text) {
                pages.push(page);
                continue;
            }
            let Reading { kept, violations } = reader::recover::<Document>(source, references);
            let is_sound = violations.is_empty() && !source.text.contains("${");
            found.extend(violations);
            pages.extend(kept.map(|(document, places)| Page {
                document,
                places,
                is_sound,
            }));
        }
        pages
    }

    /// Keeps what was read.
    pub(super) fn keep(&mut self, pages: Vec<Page>) {
        self.0.clear();
        let mut room = MOST_TEXT;
        for page in pages.into_iter().filter(|page| page.is_sound) {
            let Some(left) = room.checked_sub(page.places.text().len()) else {
                return;
            };
            room = left;
            self.0.insert(page.places.file().to_string(), page);
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.0.len()).finish()
    }
}

/// Bytes of text of which the reading is kept.
const MOST_TEXT: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io;

    use super::*;
    use crate::model::catalog::Catalog;

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

    #[test]
    fn what_is_read_again_says_what_it_would_say_anew() {
        let variables = Variables(RefCell::new("a.example".to_owned()));
        let mut kept = Kept::default();
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
        assert_eq!(kept.0.len(), 2, "what refers to something is read each time");
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
    }
}
