//! The corpus of catalog files: what is valid is believed, and each invalid catalog gives exactly the violations
//! that stand in the `.violations` file beside it, one a line: `line:column path: message | fix`.
//!
//! A catalog is a file, or a folder of files; a line of a folder's violations begins with the name of the file.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the whole file is a test, its functions beside the tests too"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use admin::model::catalog::Catalog;
use admin::model::source::{NoReferences, References, Source};
use admin::model::violation::Violation;
use proptest::prelude::*;

/// What the corpus may refer to: a few variables, and the files beside a source.
struct Corpus {
    folder: PathBuf,
}

impl References for Corpus {
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "PORT" => Some("9001".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    fn file(&self, source: &str, path: &str) -> io::Result<String> {
        let beside = Path::new(source).parent().unwrap_or(Path::new(""));
        fs::read_to_string(self.folder.join(beside).join(path))
    }
}

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents").join(kind)
}

/// Lists what is in a folder, in the order of names.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// Reads the catalog that a file or a folder is; names are relative to the folder around it.
fn sources(case: &Path) -> Vec<Source> {
    let files = if case.is_dir() {
        listed(case)
    } else {
        vec![case.to_owned()]
    };
    let around = if case.is_dir() { case } else { case.parent().unwrap() };
    let name = |file: &Path| file.strip_prefix(around).unwrap().display().to_string();
    let read = |file: &PathBuf| Source {
        name: name(file).into(),
        text: fs::read_to_string(file).unwrap().into(),
    };
    files.iter().filter(|file| is_toml(file)).map(read).collect()
}

fn believe(case: &Path) -> Result<Catalog, Vec<Violation>> {
    let folder = if case.is_dir() { case } else { case.parent().unwrap() };
    Catalog::believe(
        &sources(case),
        &Corpus {
            folder: folder.to_owned(),
        },
    )
}

fn cases(kind: &str) -> Vec<PathBuf> {
    let cases: Vec<_> = listed(&folder(kind))
        .into_iter()
        .filter(|path| is_toml(path) || path.join("a.toml").exists())
        .collect();
    assert!(!cases.is_empty());
    cases
}

fn line(violation: &Violation, with_file: bool) -> String {
    let Violation {
        file,
        line,
        column,
        path,
        message,
        fix,
    } = violation;
    let file = if with_file { format!("{file}:") } else { String::new() };
    let fix = fix.as_deref().map(|fix| format!(" | {fix}")).unwrap_or_default();
    format!("{file}{line}:{column} {path}: {message}{fix}\n")
}

#[test]
fn valid_catalogs_are_believed() {
    for case in cases("valid") {
        let violations = believe(&case).map(|_| ()).err().unwrap_or_default();
        let lines: String = violations.iter().map(|violation| line(violation, true)).collect();
        assert!(violations.is_empty(), "{}:\n{lines}", case.display());
    }
}

#[test]
fn invalid_catalogs_give_all_their_violations_at_once() {
    for case in cases("invalid") {
        let violations = believe(&case)
            .map(|_| ())
            .expect_err(&format!("{} is believed", case.display()));
        let found: String = violations
            .iter()
            .map(|violation| line(violation, case.is_dir()))
            .collect();
        let expected = case.with_extension("violations");
        assert_eq!(
            fs::read_to_string(&expected).unwrap_or_default(),
            found,
            "{}",
            expected.display()
        );
    }
}

/// Where a text ends, in lines and characters.
fn is_inside(violation: &Violation, text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<_> = text.split('\n').collect();
    let line = violation.line.checked_sub(1).and_then(|line| lines.get(line));
    line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&violation.column))
}

fn no_panic_and_all_places_inside(text: String) {
    let source = Source {
        name: "fuzz.toml".into(),
        text: text.into(),
    };
    let violations = Catalog::believe(std::slice::from_ref(&source), &NoReferences)
        .err()
        .unwrap_or_default();
    for violation in violations {
        assert!(
            is_inside(&violation, &source.text),
            "{violation} is outside of {:?}",
            source.text
        );
    }
}

/// Files of the corpus with a piece replaced by another one.
fn broken() -> impl Strategy<Value = String> {
    let files = ["valid", "invalid"]
        .into_iter()
        .flat_map(cases)
        .flat_map(|case| sources(&case));
    let texts: Vec<String> = files.map(|source| source.text.to_string()).collect();
    let piece = prop_oneof![
        "\\PC{0,6}",
        "[\\[\\]{}=\"'.,#\\n${} é]{0,6}",
        Just("[[versions]]\n".to_owned())
    ];
    (
        proptest::sample::select(texts),
        any::<proptest::sample::Index>(),
        0..20_usize,
        piece,
    )
        .prop_map(|(text, at, length, piece)| {
            let characters: Vec<char> = text.chars().collect();
            let start = at.index(characters.len() + 1);
            let end = (start + length).min(characters.len());
            characters[..start]
                .iter()
                .copied()
                .chain(piece.chars())
                .chain(characters[end..].iter().copied())
                .collect()
        })
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "(\\PC|\n|\r\n|\t|\\[|\\]|=|\"|'|\\$\\{|\\}|name|versions|\u{feff}){0,60}") {
        no_panic_and_all_places_inside(text);
    }

    #[test]
    fn no_broken_file_breaks_the_reader(text in broken()) {
        no_panic_and_all_places_inside(text);
    }
}
