//! Promises of the disk: what goes there, what comes back, and that traffic goes on without it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tempfile::TempDir;

use super::*;

fn world(directory: &Path, bytes: u64) -> World {
    World::new(Bounds {
        disk: Some(DiskBounds {
            directory: directory.to_owned(),
            bytes,
        }),
        ..BOUNDS
    })
}

/// Makes a directory that nobody else may use.
pub(super) fn private() -> TempDir {
    let rights = fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(rights).tempdir().unwrap()
}

const PLENTY: u64 = 1 << 30;

impl World {
    fn disk(&self) -> DiskFigures {
        self.store.figures().disk.unwrap()
    }

    /// Waits until the disk's figures are as they should become.
    pub(super) fn until(&self, test: impl Fn(DiskFigures) -> bool) -> DiskFigures {
        until(|| test(self.disk()).then(|| self.disk()), || self.disk())
    }

    /// Stores a response and asks for it again, so that the disk gets it.
    async fn put_on_disk(&self, name: &str, body: &'static [u8]) {
        let before = self.disk().written;
        self.put(name, body).await;
        assert_eq!(self.read(name).await.unwrap(), body);
        self.until(|disk| disk.written > before);
    }

    /// Forgets what memory has, as a restart does.
    pub(super) fn clear_memory(&self) {
        let entries: Vec<_> = self.store.table.walk().collect();
        assert!(entries.iter().all(|entry| self.store.table.remove(entry)));
    }
}

fn until<T, S: std::fmt::Debug>(test: impl Fn() -> Option<T>, state: impl Fn() -> S) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(value) = test() {
            return value;
        }
        assert!(Instant::now() < deadline, "{:?}", state());
        std::thread::yield_now();
    }
}

/// Returns the files below a directory, but those that every cache has.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else if !["lock", "purges.journal", "purges.new"].contains(&&*entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    found
}

/// Starts with an empty memory, as a new process does, and waits until the disk is used.
pub(super) fn opened(directory: &Path) -> World {
    let world = world(directory, PLENTY);
    world.until(|disk| disk.is_used);
    world
}

/// Starts where there are so many files that can be believed.
fn restart(directory: &TempDir, files: u64) -> World {
    let world = opened(directory.path());
    assert_eq!(world.disk().entries, files);
    world
}

/// Purges everything of one target.
fn purge(world: &World, target: &str, kind: Kind) {
    world
        .store
        .purge(&Selector::Target { owner: OWNER, target }, kind, now());
}

/// Copies what a crash of the process would leave at this moment.
fn crash(world: &TempDir) -> TempDir {
    let copy = private();
    let (from, to) = (world.path(), copy.path());
    for file in files(from).into_iter().chain([from.join("purges.journal")]) {
        let place = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(file, place).unwrap();
    }
    copy
}

#[tokio::test]
async fn a_part_comes_back_as_a_part_and_is_there_before_it_is_read() {
    let directory = private();
    let before = opened(directory.path());
    for (count, (name, status)) in [("/part", 206), ("/whole", 200)].into_iter().enumerate() {
        before.put_as(name, status, b"0123").await;
        before.read(name).await.unwrap();
        before.until(|disk| disk.written == count as u64 + 1);
    }
    before.store.close();
    let after = restart(&directory, 2);
    for (name, is_whole) in [("/part", false), ("/whole", true)] {
        assert!(after.store.has(&key(name)) && after.store.whole(&key(name)).is_none());
        assert_eq!(after.read(name).await.unwrap(), b"0123");
        assert_eq!(after.store.whole(&key(name)).is_some(), is_whole);
    }
    after.clear_memory();
    purge(&after, "/part", Kind::Hard);
    assert!(!after.store.has(&key("/part")) && after.store.has(&key("/whole")));
}

#[tokio::test]
async fn what_was_asked_for_again_survives_a_restart_and_nothing_else() {
    let directory = private();
    let before = world(&directory.path().join("cache"), PLENTY);
    before.put("/once", b"1").await;
    before.put_on_disk("/../twice", b"twice").await;
    let written = files(directory.path());
    let [file] = &*written else { panic!("{written:?}") };
    assert!(Address::is_name(file.file_name().unwrap().to_str().unwrap()));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700));

    before.store.close();
    let after = opened(&directory.path().join("cache"));
    assert!(after.find("/once").await.is_none());
    let (found, mut hit) = after.find("/../twice").await.unwrap();
    let (kept, _) = before.find("/../twice").await.unwrap();
    assert_eq!(found.headers(), kept.headers());
    assert_eq!(
        (found.fresh_until(), found.created()),
        (kept.fresh_until(), kept.created())
    );
    assert_eq!(found.stale_if_error_sec(), 7);
    assert_eq!(rest(&mut hit).await.unwrap(), b"twice");
    assert_eq!((after.disk().read, after.store.figures().entries), (1, 1));
    after.store.purge(
        &Selector::Tag {
            tenant: "t",
            tag: "red",
        },
        Kind::Hard,
        now(),
    );
    assert!(after.find("/../twice").await.is_none());
}

#[tokio::test]
async fn a_purge_takes_files_away_before_it_is_settled_and_holds_before() {
    for kind in [Kind::Hard, Kind::Soft] {
        let directory = private();
        let world = restart(&directory, 0);
        world.put_on_disk("/x", b"x").await;
        world.put_on_disk("/y", b"y").await;
        world.clear_memory();
        let target = Selector::Target {
            owner: OWNER,
            target: "/x",
        };
        world.store.purge(&target, kind, now());
        assert!(world.find("/x").await.is_none());
        world.store.settle(now());
        until(
            || (files(directory.path()).len() == 1).then_some(()),
            || files(directory.path()),
        );
        world.store.close();
        let after = restart(&directory, 1);
        assert!(after.find("/x").await.is_none());
        assert_eq!(after.read("/y").await.unwrap(), b"y");
    }
}

#[tokio::test]
async fn what_is_newer_in_memory_takes_the_file_away() {
    let directory = private();
    let world = restart(&directory, 0);
    world.put_on_disk("/x", b"old").await;
    world.put("/x", b"new").await;
    until(
        || files(directory.path()).is_empty().then_some(()),
        || files(directory.path()),
    );
    world.clear_memory();
    assert!(world.find("/x").await.is_none());
    world.put_on_disk("/y", b"y").await;
    let newer = meta(&world.store, "/y", Some(1));
    assert!(
        world
            .doors
            .storage(b"")
            .update_meta(&key("/y"), &newer, &span())
            .await
            .unwrap()
    );
    world.until(|disk| disk.entries == 0);
}

#[tokio::test]
async fn the_disks_bound_is_kept_and_the_files_are_those_of_the_index() {
    let directory = private();
    let world = world(directory.path(), 64 << 10);
    for number in 0..40 {
        world.put_on_disk(&number.to_string(), b"x").await;
        assert!(world.disk().bytes <= 64 << 10);
    }
    let entries = world.disk().entries;
    assert!((8..=16).contains(&entries), "{entries}");
    assert_eq!(files(directory.path()).len() as u64, entries);
}

#[tokio::test]
async fn a_damaged_file_is_a_miss_and_goes() {
    let directory = private();
    let world = restart(&directory, 0);
    let damages: [fn(&mut Vec<u8>); 4] = [
        |file| file.truncate(20),
        |file| _ = file.pop(),
        |file| *file.last_mut().unwrap() ^= 1,
        |file| file.clear(),
    ];
    for (number, damage) in (1..).zip(damages) {
        world.put_on_disk("/x", b"body").await;
        let file = files(directory.path()).pop().unwrap();
        let mut bytes = fs::read(&file).unwrap();
        damage(&mut bytes);
        fs::write(&file, bytes).unwrap();
        world.clear_memory();
        assert!(world.find("/x").await.is_none());
        assert_eq!((world.disk().damaged, world.disk().entries), (number, 0));
        assert!(!file.exists());
    }
    assert_eq!(world.store.figures().on_their_way, 0);
}

#[tokio::test]
async fn a_damaged_head_is_seen_at_the_start() {
    let directory = private();
    let before = restart(&directory, 0);
    before.put_on_disk("/x", b"body").await;
    before.store.close();
    let file = files(directory.path()).pop().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    bytes[40] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let moved = file.with_file_name(format!("{:032x}", 7));
    bytes[40] ^= 1;
    fs::write(&moved, &bytes).unwrap();
    let after = opened(directory.path());
    assert_eq!(after.disk().damaged, 2);
    assert!(after.disk().entries == 0 && !file.exists() && !moved.exists());
}

#[tokio::test]
async fn foreign_files_are_left_alone_and_half_written_ones_go() {
    let directory = private();
    let before = restart(&directory, 0);
    before.put_on_disk("/x", b"body").await;
    before.store.close();
    let own = files(directory.path()).pop().unwrap();
    let foreign = [
        directory.path().join("README"),
        own.with_file_name("notes.txt"),
        own.with_extension("bak"),
    ];
    foreign.iter().for_each(|path| fs::write(path, b"mine").unwrap());
    fs::write(own.with_extension("part"), b"half").unwrap();
    let after = world(directory.path(), PLENTY);
    let figures = after.until(|disk| disk.is_used);
    assert_eq!((figures.foreign, figures.entries), (3, 1));
    assert_eq!((figures.damaged, figures.failed), (0, 0));
    assert!(foreign.iter().all(|path| path.exists()));
    until(
        || (files(directory.path()).len() == 4).then_some(()),
        || files(directory.path()),
    );
    assert_eq!(after.read("/x").await.unwrap(), b"body");
}

#[tokio::test]
async fn traffic_goes_on_without_the_disk_and_it_is_used_again_when_it_works() {
    let directory = private();
    let path = directory.path().join("cache");
    // A file where the directory should be refuses whoever runs the test; rights would not refuse root.
    fs::write(&path, b"in the way").unwrap();
    let world = world(&path, PLENTY);
    world.until(|disk| disk.failed == 1);
    for (number, name) in (2..).zip(["/1", "/2", "/3"]) {
        world.put(name, b"body").await;
        assert_eq!(world.read(name).await.unwrap(), b"body");
        world.until(|disk| disk.failed == number);
    }
    assert_eq!(
        (world.disk().entries, world.disk().bytes, world.disk().written),
        (0, 0, 0)
    );
    fs::remove_file(&path).unwrap();
    world.put_on_disk("/4", b"body").await;
    assert_eq!(world.disk().entries, 1);
}

#[tokio::test]
async fn a_directory_without_rights_is_done_without() {
    let directory = private();
    let world = restart(&directory, 0);
    world.put_on_disk("/x", b"body").await;
    world.clear_memory();
    let parent = files(directory.path()).pop().unwrap().parent().unwrap().to_owned();
    let rights = |mode| fs::set_permissions(&parent, fs::Permissions::from_mode(mode)).unwrap();
    rights(0o000);
    let is_root = fs::read_dir(&parent).is_ok();
    let found = world.find("/x").await;
    rights(0o700);
    // Rights do not bind root, who finds it.
    assert_eq!(
        (found.is_some(), world.disk().failed),
        if is_root { (true, 0) } else { (false, 1) }
    );
}

#[tokio::test]
async fn a_purge_holds_after_a_crash_right_behind_it() {
    let directory = private();
    let world = restart(&directory, 0);
    for name in ["/x", "/y", "/a/1", "/z"] {
        world.put_on_disk(name, b"body").await;
    }
    purge(&world, "/x", Kind::Hard);
    purge(&world, "/y", Kind::Soft);
    let (within, prefix) = (Scope::Everything, "/a/");
    world
        .store
        .purge(&Selector::Prefix { within, prefix }, Kind::Hard, now());
    world.store.persist().unwrap();
    let crashed = crash(&directory);
    assert_eq!(files(crashed.path()).len(), 4, "nothing was taken away yet");
    let after = restart(&crashed, 1);
    assert_eq!(after.read("/z").await.unwrap(), b"body");
    for name in ["/x", "/y", "/a/1"] {
        assert!(after.find(name).await.is_none(), "{name}");
    }
    assert_eq!(files(crashed.path()).len(), 1);
}

#[tokio::test]
async fn what_nobody_waits_for_is_told_soon_and_at_the_end() {
    let directory = private();
    let world = restart(&directory, 0);
    world.put_on_disk("/x", b"body").await;
    world.put_on_disk("/y", b"body").await;
    let journal = || fs::metadata(directory.path().join("purges.journal")).unwrap().len();
    let before = journal();
    purge(&world, "/x", Kind::Hard);
    until(|| (journal() > before).then_some(()), journal);
    let after = restart(&crash(&directory), 1);
    after.store.close();
    purge(&world, "/y", Kind::Hard);
    world.store.close();
    restart(&directory, 0);
}

#[tokio::test]
async fn what_was_stored_after_a_purge_survives_the_next_start() {
    let directory = private();
    let world = restart(&directory, 0);
    world.put_on_disk("/x", b"old").await;
    purge(&world, "/x", Kind::Hard);
    world.store.settle(now());
    world.put_on_disk("/x", b"new").await;
    world.store.close();
    assert_eq!(restart(&directory, 1).read("/x").await.unwrap(), b"new");
}

#[tokio::test]
async fn files_are_not_believed_without_their_journal() {
    for damage in [
        |path: &Path| fs::remove_file(path).unwrap(),
        |path: &Path| fs::write(path, b"TGPURGE\x01?").unwrap(),
    ] {
        let directory = private();
        let world = restart(&directory, 0);
        world.put_on_disk("/x", b"body").await;
        world.store.close();
        damage(&directory.path().join("purges.journal"));
        let world = restart(&directory, 0);
        assert!(files(directory.path()).is_empty());
        world.put_on_disk("/x", b"body").await;
        world.store.close();
        restart(&directory, 1);
    }
}

#[tokio::test]
async fn what_happens_before_the_files_are_found_holds_for_them() {
    let directory = private();
    let before = restart(&directory, 0);
    for name in ["/purged", "/newer", "/left"] {
        before.put_on_disk(name, b"old").await;
    }
    // The process before still has the directory, so that this one has not begun to look.
    let after = world(directory.path(), PLENTY);
    purge(&after, "/purged", Kind::Hard);
    after.put("/newer", b"new").await;
    assert!(after.find("/left").await.is_none() && !after.disk().is_used);
    before.store.close();
    after.until(|disk| disk.is_used && disk.entries == 1);
    after.clear_memory();
    assert_eq!(after.read("/left").await.unwrap(), b"old");
    assert!(after.find("/purged").await.is_none() && after.find("/newer").await.is_none());
}

#[tokio::test]
async fn one_process_at_a_time_has_the_directory() {
    let directory = private();
    let before = restart(&directory, 0);
    before.put_on_disk("/x", b"body").await;
    let after = world(directory.path(), PLENTY);
    // A purge waits for the directory.
    let store = Arc::clone(&after.store);
    purge(&after, "/x", Kind::Hard);
    let waiting = std::thread::spawn(move || store.persist());
    before.put("/y", b"body").await;
    before.store.close();
    waiting.join().unwrap().unwrap();
    after.until(|disk| disk.is_used);
    assert!(after.find("/x").await.is_none());
    // Who has given it up goes on without, and does not touch it.
    assert_eq!(before.read("/y").await.unwrap(), b"body");
    after.put_on_disk("/z", b"body").await;
    before.put("/z", b"other").await;
    before.clear_memory();
    assert!(before.find("/x").await.is_none() && before.store.persist().is_err());
    assert_eq!(files(directory.path()).len(), 1);
}

#[tokio::test]
async fn a_directory_that_others_may_use_is_not_used() {
    let directory = private();
    let rights = |mode| fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
    rights(0o750);
    let world = world(directory.path(), PLENTY);
    world.until(|disk| disk.failed == 1);
    let reason = world.store.persist().unwrap_err().to_string();
    assert!(reason.contains("mode 750") && reason.contains("chmod 700"), "{reason}");
    world.put("/x", b"body").await;
    assert_eq!(world.read("/x").await.unwrap(), b"body");
    world.until(|disk| disk.failed == 2);
    assert!(!world.disk().is_used && fs::read_dir(directory.path()).unwrap().count() == 0);
    rights(0o700);
    world.put_on_disk("/y", b"body").await;
    world.store.persist().unwrap();
}
