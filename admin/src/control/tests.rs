//! Promises of the writer, kept with a publisher that only remembers.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::publish::Commit;
use super::*;

/// Remembers what was prepared and what was committed; refuses what it is told to.
#[derive(Clone, Default)]
struct Recording(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    prepared: Vec<u64>,
    live: Vec<(u64, usize)>,
    refuses: bool,
}

impl Publish for Recording {
    fn prepare(&self, revision: Revision, catalog: &Catalog) -> Result<Commit, Vec<Violation>> {
        let mut record = lock(&self.0);
        record.prepared.push(revision.0);
        if record.refuses {
            return Err(vec![violation("the certificate is not PEM")]);
        }
        let (record, apis) = (self.0.clone(), catalog.apis().len());
        Ok(Box::new(move || lock(&record).live.push((revision.0, apis))))
    }
}

/// Variables and files that tests may change under the control's feet.
#[derive(Clone, Default)]
struct Outside(Arc<Mutex<BTreeMap<String, String>>>);

impl Outside {
    fn set(&self, name: &str, value: &str) {
        lock(&self.0).insert(name.to_owned(), value.to_owned());
    }
}

impl References for Outside {
    fn variable(&self, name: &str) -> Option<String> {
        lock(&self.0).get(name).cloned()
    }

    fn file(&self, _source: &str, path: &str) -> io::Result<String> {
        self.variable(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn control() -> (Control, Recording, Outside) {
    let (published, outside) = (Recording::default(), Outside::default());
    (
        Control::new(Box::new(outside.clone()), Box::new(published.clone())),
        published,
        outside,
    )
}

fn violation(message: &str) -> Violation {
    let (file, path) = (String::new(), String::new());
    Violation {
        file,
        line: 0,
        column: 0,
        path,
        message: message.to_owned(),
        fix: None,
    }
}

fn replace(texts: &[&str]) -> Change {
    let source = |(at, text): (usize, &&str)| Source {
        name: format!("apis/{at}.toml").into(),
        text: (*text).into(),
    };
    Change::Replace(texts.iter().enumerate().map(source).collect())
}

fn refused(result: Result<Applied, ControlError>) -> (Vec<Violation>, bool) {
    let error = result.unwrap_err();
    if let ControlError::Invalid { violations, news } = error {
        return (violations, news);
    }
    panic!("{error}")
}

const ORDERS: &str = r#"
name = "Orders"
context = "/orders"

[[versions]]
version = "1.0"
state = "published"

[versions.endpoints]
production = ["${ORDERS_URL:-http://127.0.0.1:9001}"]

[[versions.resources]]
path = "/*"
methods = ["GET"]
auth = "none"
"#;

const BROKEN: &str = "name = \"Orders\"\ncolour = \"red\"\n";

#[test]
fn a_good_change_is_published_under_the_next_revision() {
    let (control, published, _) = control();
    assert_eq!(control.status().revision, Revision(0));
    let applied = control.apply(replace(&[ORDERS])).unwrap();
    assert_eq!(
        applied,
        Applied {
            revision: Revision(1),
            apis: 1,
            effect: Effect::Published
        }
    );
    assert_eq!(control.apply(replace(&[])).unwrap().revision, Revision(2));
    assert_eq!(lock(&published.0).live, [(1, 1), (2, 0)]);
    let status = control.status();
    assert_eq!((status.revision, status.apis), (Revision(2), 0));
    assert!(status.applied.is_some() && status.violations.is_empty());
}

#[test]
fn unchanged_content_publishes_nothing_and_keeps_the_revision() {
    let (control, published, _) = control();
    control.apply(replace(&[ORDERS])).unwrap();
    let again = control.apply(replace(&[ORDERS])).unwrap();
    assert_eq!(
        again,
        Applied {
            revision: Revision(1),
            apis: 1,
            effect: Effect::Unchanged
        }
    );
    assert_eq!(lock(&published.0).prepared, [1]);
}

#[test]
fn a_directory_that_lost_every_file_takes_no_api_away() {
    let (control, published, _) = control();
    let empty = tempfile::tempdir().unwrap();
    let reread = || Change::Reread(empty.path().to_path_buf());
    assert!(
        control.apply(reread()).is_ok(),
        "a gateway may start with nothing to serve"
    );
    control.apply(replace(&[ORDERS])).unwrap();
    let (violations, _) = refused(control.apply(reread()));
    assert!(violations[0].fix.is_some(), "{violations:?}");
    assert_eq!((control.status().apis, lock(&published.0).prepared.len()), (1, 2));
}

#[test]
fn a_refused_change_keeps_the_last_good_and_shows_why() {
    let (control, published, _) = control();
    control.apply(replace(&[ORDERS])).unwrap();
    let (violations, news) = refused(control.apply(replace(&[BROKEN])));
    assert!(news && !violations.is_empty());
    let status = control.status();
    assert_eq!(
        (status.revision, status.apis, status.violations),
        (Revision(1), 1, violations)
    );
    assert_eq!(lock(&published.0).live, [(1, 1)]);
}

#[test]
fn the_same_refused_content_is_told_once() {
    let (control, _, _) = control();
    assert!(refused(control.apply(replace(&[BROKEN]))).1);
    assert!(!refused(control.apply(replace(&[BROKEN]))).1);
    assert!(refused(control.apply(replace(&[BROKEN, BROKEN]))).1);
}

#[test]
fn a_later_good_change_clears_what_was_refused() {
    let (control, _, _) = control();
    control.apply(replace(&[ORDERS])).unwrap();
    refused(control.apply(replace(&[BROKEN])));
    let restored = control.apply(replace(&[ORDERS])).unwrap();
    assert_eq!(
        restored,
        Applied {
            revision: Revision(1),
            apis: 1,
            effect: Effect::Restored
        }
    );
    assert!(control.status().violations.is_empty());

    refused(control.apply(replace(&[BROKEN])));
    assert_eq!(control.apply(replace(&[])).unwrap().effect, Effect::Published);
    assert!(control.status().violations.is_empty());
    assert!(
        refused(control.apply(replace(&[BROKEN]))).1,
        "refused anew after a good one"
    );
}

#[test]
fn what_cannot_be_prepared_is_refused_and_its_revision_is_used_again() {
    let (control, published, _) = control();
    lock(&published.0).refuses = true;
    let (violations, _) = refused(control.apply(replace(&[ORDERS])));
    assert_eq!(violations[0].message, "the certificate is not PEM");
    lock(&published.0).refuses = false;
    assert_eq!(control.apply(replace(&[ORDERS])).unwrap().revision, Revision(1));
    assert_eq!(lock(&published.0).prepared, [1, 1]);
}

#[test]
fn a_directory_that_cannot_be_read_is_a_refused_change() {
    let (control, _, _) = control();
    control.apply(replace(&[ORDERS])).unwrap();
    let reread = || control.apply(Change::Reread("/nonexistent/catalog".into()));
    let (violations, news) = refused(reread());
    assert!(news && violations[0].file == "/nonexistent/catalog");
    assert!(!refused(reread()).1);
    assert_eq!(control.status().violations, violations);
}

#[test]
fn a_reference_that_leads_elsewhere_makes_the_same_text_a_new_catalog() {
    let (control, _, outside) = control();
    control.apply(replace(&[ORDERS])).unwrap();
    assert!(!control.is_outdated());
    outside.set("ORDERS_URL", "http://127.0.0.1:9002");
    assert!(control.is_outdated());
    let applied = control.apply(replace(&[ORDERS])).unwrap();
    assert_eq!((applied.revision, applied.effect), (Revision(2), Effect::Published));
    assert!(!control.is_outdated());
}

#[test]
fn checking_changes_nothing() {
    let (control, published, _) = control();
    assert_eq!(control.check(replace(&[ORDERS])).unwrap().apis().len(), 1);
    assert!(!control.check(replace(&[BROKEN])).unwrap_err().is_empty());
    let record = lock(&published.0);
    assert!(record.live.is_empty() && record.prepared == [1]);
    assert_eq!(control.status().revision, Revision(0));
}

mod writing;
