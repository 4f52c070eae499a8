//! Promises of what a catalog directory is read as.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

fn catalog(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn read(dir: &Path) -> Result<Vec<Source>, Vec<Violation>> {
    Files::default().read(&Listing::of(dir), SystemTime::now(), &mut Vec::new())
}

fn names(dir: &TempDir) -> Vec<String> {
    let prefix = format!("{}/", dir.path().display());
    let sources = read(dir.path()).unwrap();
    sources
        .iter()
        .map(|source| source.name.strip_prefix(&prefix).unwrap().to_owned())
        .collect()
}

#[test]
fn files_are_read_in_the_order_of_their_paths() {
    let dir = catalog(&[
        ("tiers.toml", "t"),
        ("apis/b.toml", "b"),
        ("apis/deep/a.toml", "a"),
        ("apis/notes.md", ""),
    ]);
    assert_eq!(names(&dir), ["apis/b.toml", "apis/deep/a.toml", "tiers.toml"]);
    assert_eq!(&*read(dir.path()).unwrap()[0].text, "b");
}

#[test]
fn a_directory_is_read_once_nothing_has_changed_for_a_while() {
    let dir = catalog(&[("a.toml", "a")]);
    let changed = Listing::of(dir.path()).touched().unwrap();
    assert_eq!(&*Files::default().read_settled(dir.path()).unwrap()[0].text, "a");
    assert!(changed.elapsed().unwrap() >= QUIET);
}

#[test]
fn an_empty_file_is_refused_because_it_may_be_half_a_save() {
    let dir = catalog(&[("a.toml", "a"), ("b.toml", "\n")]);
    let violations = read(dir.path()).unwrap_err();
    assert!(
        violations.len() == 1 && violations[0].file.ends_with("b.toml"),
        "{violations:?}"
    );
}

#[test]
fn hidden_names_and_the_folder_of_policy_tests_are_left_out() {
    let dir = catalog(&[
        (".git/a.toml", "#"),
        (".a.toml", "#"),
        ("tests/a.toml", "#"),
        ("apis/tests/a.toml", "#"),
        ("tests.toml", "#"),
    ]);
    assert_eq!(names(&dir), ["apis/tests/a.toml", "tests.toml"]);
}

#[test]
fn names_are_the_directory_as_given_and_the_path_below_it() {
    let dir = catalog(&[("conf/catalog/a.toml", "#")]);
    let given = dir.path().join("conf/../conf/catalog");
    assert_eq!(
        *read(&given).unwrap()[0].name,
        given.join("a.toml").display().to_string()
    );
}

#[test]
fn a_config_map_is_read_once_and_under_its_own_names() {
    let dir = catalog(&[("..2026_01/a.toml", "old"), ("..2026_02/a.toml", "new")]);
    symlink("..2026_01", dir.path().join("..data")).unwrap();
    symlink("..data/a.toml", dir.path().join("a.toml")).unwrap();
    let before = fingerprint(dir.path());
    assert_eq!(&*read(dir.path()).unwrap()[0].text, "old");

    symlink("..2026_02", dir.path().join("..swap")).unwrap();
    fs::rename(dir.path().join("..swap"), dir.path().join("..data")).unwrap();
    assert_eq!(names(&dir), ["a.toml"]);
    assert_eq!(&*read(dir.path()).unwrap()[0].text, "new");
    assert_ne!(fingerprint(dir.path()), before);
}

#[test]
fn a_file_with_two_names_is_read_once_and_a_loop_of_links_ends() {
    let dir = catalog(&[("apis/a.toml", "a")]);
    symlink("apis/a.toml", dir.path().join("z.toml")).unwrap();
    symlink(".", dir.path().join("apis/again")).unwrap();
    symlink(dir.path(), dir.path().join("loop")).unwrap();
    assert_eq!(names(&dir), ["apis/a.toml"]);
}

#[test]
fn what_cannot_be_read_is_named_all_at_once() {
    let dir = catalog(&[("a.toml", "fine")]);
    fs::write(dir.path().join("b.toml"), b"x = 1\ny = \"\xff\"\n").unwrap();
    symlink("nowhere", dir.path().join("c.toml")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("d.toml")).unwrap();
    let violations = read(dir.path()).unwrap_err();
    let found: Vec<_> = violations.iter().map(|v| (v.file.as_str(), v.line, v.column)).collect();
    let name = |name: &str| dir.path().join(name).display().to_string();
    assert_eq!(
        found,
        [
            (name("b.toml").as_str(), 2, 6),
            (&name("c.toml"), 0, 0),
            (&name("d.toml"), 0, 0)
        ]
    );
    assert_eq!(violations[0].message, "not valid UTF-8");
    assert!(
        violations[1].message.contains("cannot be read"),
        "{}",
        violations[1].message
    );
    assert_eq!(violations[2].message, "not a regular file");
}

#[test]
fn a_missing_directory_is_refused_not_empty() {
    let violations = read(Path::new("/nonexistent/catalog")).unwrap_err();
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].file, "/nonexistent/catalog");
}

#[test]
fn a_file_beyond_the_bound_is_refused() {
    let dir = catalog(&[("a.toml", &"#".repeat((4 << 20) + 1))]);
    assert_eq!(
        read(dir.path()).unwrap_err()[0].message,
        "the file is larger than 4 MiB"
    );
}

#[test]
fn a_fingerprint_changes_with_names_and_texts_only() {
    let dir = catalog(&[("a.toml", "a"), ("notes.md", "a")]);
    let before = fingerprint(dir.path());
    assert_eq!(fingerprint(dir.path()), before);
    fs::write(dir.path().join("notes.md"), "other").unwrap();
    assert_eq!(fingerprint(dir.path()), before);
    fs::write(dir.path().join("a.toml"), "longer").unwrap();
    assert_ne!(fingerprint(dir.path()), before);
    fs::remove_dir_all(dir.path()).unwrap();
    assert_ne!(fingerprint(dir.path()), before);
}

#[test]
fn a_fingerprint_tells_whether_the_folders_are_the_same_ones() {
    let dir = catalog(&[("a.toml", "a"), ("apis/b.toml", "b"), ("other/b.toml", "b")]);
    let is_same = |then: Fingerprint| then.is_of_the_folders_of(fingerprint(dir.path()));
    let before = fingerprint(dir.path());
    fs::write(dir.path().join("apis/c.toml"), "c").unwrap();
    fs::remove_file(dir.path().join("a.toml")).unwrap();
    assert!(is_same(before));
    fs::create_dir(dir.path().join("more")).unwrap();
    assert!(!is_same(before));
    let before = fingerprint(dir.path());
    fs::rename(dir.path().join("other"), dir.path().join(".other")).unwrap();
    fs::create_dir(dir.path().join("other")).unwrap();
    assert!(!is_same(before));
}

#[test]
fn a_file_that_was_written_while_it_was_read_no_longer_looks_as_it_did() {
    let dir = catalog(&[("a.toml", "a")]);
    let path = dir.path().join("a.toml");
    let (mut files, mut opened) = (Files::default(), Vec::new());
    files
        .read(&Listing::of(dir.path()), SystemTime::now(), &mut opened)
        .unwrap();
    assert!(opened.iter().all(|(path, mark)| mark.is_of(path)));
    fs::write(&path, "longer").unwrap();
    assert!(
        opened
            .iter()
            .any(|(opened, mark)| *opened == path && !mark.is_of(&path))
    );
    fs::remove_file(&path).unwrap();
    assert!(!opened[0].1.is_of(&path));
}

/// Reads so long after the last edit that the times of a file tell of the next one.
fn read_later(files: &mut Files, dir: &TempDir) {
    let later = SystemTime::now() + 2 * COARSEST_TIMES;
    files.read(&Listing::of(dir.path()), later, &mut Vec::new()).unwrap();
    assert!(!files.read.is_empty());
}

#[test]
fn a_file_that_was_not_touched_is_not_opened_again() {
    let dir = catalog(&[("a.toml", "a")]);
    let mut files = Files::default();
    read_later(&mut files, &dir);
    let name = dir.path().join("a.toml").display().to_string();
    files.read.get_mut(&*name).unwrap().1.text = "as it was".into();
    assert_eq!(&*files.read_settled(dir.path()).unwrap()[0].text, "as it was");

    fs::write(dir.path().join("a.toml"), "b").unwrap();
    assert_eq!(&*files.read_settled(dir.path()).unwrap()[0].text, "b");
    fs::write(dir.path().join("a.toml"), "c").unwrap();
    assert_eq!(&*files.read_settled(dir.path()).unwrap()[0].text, "c");
}

#[test]
fn what_was_read_is_forgotten_with_its_file_and_when_asked() {
    let dir = catalog(&[("a.toml", "a")]);
    let mut files = Files::default();
    read_later(&mut files, &dir);
    let name = dir.path().join("a.toml").display().to_string();
    files.read.get_mut(&*name).unwrap().1.text = "as it was".into();
    files.forget();
    assert_eq!(&*files.read_settled(dir.path()).unwrap()[0].text, "a");
    read_later(&mut files, &dir);
    fs::rename(dir.path().join("a.toml"), dir.path().join("b.toml")).unwrap();
    assert!(files.read_settled(dir.path()).unwrap()[0].name.ends_with("b.toml"));
    assert!(files.read.is_empty());
}

#[test]
fn a_file_that_was_just_touched_is_opened_each_time() {
    let dir = catalog(&[("a.toml", "a")]);
    let mut files = Files::default();
    files
        .read(&Listing::of(dir.path()), SystemTime::now(), &mut Vec::new())
        .unwrap();
    assert!(files.read.is_empty());
}

fn draft(dir: &TempDir, name: &str, texts: [Option<&str>; 2]) -> Draft {
    let [before, after] = texts.map(|text| text.map(str::to_owned));
    Draft {
        name: dir.path().join(name).display().to_string(),
        before,
        after,
    }
}

#[test]
fn what_a_directory_looks_like_once_it_is_written_is_known() {
    let dir = catalog(&[("a.toml", "a"), ("apis/b.toml", "b"), ("c.toml", "c")]);
    let mut files = Files::default();
    for drafts in [
        vec![
            draft(&dir, "a.toml", [Some("a"), Some("other")]),
            draft(&dir, "apis/b.toml", [Some("b"), Some("another")]),
        ],
        vec![draft(&dir, "apis/deep/d.toml", [None, Some("new")])],
        vec![draft(&dir, "c.toml", [Some("c"), None])],
    ] {
        files.read_settled(dir.path()).unwrap();
        assert_eq!(files.seen(), fingerprint(dir.path()));
        files.write(dir.path(), &drafts).unwrap();
        assert_eq!(files.written, Some(fingerprint(dir.path())));
    }
}

#[test]
fn what_somebody_else_wrote_meanwhile_is_not_taken_for_our_own() {
    let dir = catalog(&[("a.toml", "a"), ("b.toml", "b")]);
    let mut files = Files::default();
    files.read_settled(dir.path()).unwrap();
    fs::write(dir.path().join("b.toml"), "of somebody").unwrap();
    let drafts = [draft(&dir, "a.toml", [Some("a"), Some("other")])];
    files.write(dir.path(), &drafts).unwrap();
    assert_ne!(files.written, Some(fingerprint(dir.path())));
}
