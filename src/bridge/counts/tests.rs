//! Promises of keeping and handing over, over real files and sockets.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;

use super::*;
use crate::quota::{self, Limit, Subjects, Unit};

const ROOM: usize = 1_000;

/// A data directory, and the processes that count in it one after the other.
struct House(TempDir);

impl House {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn process(&self) -> Arc<Keeper> {
        let quota = Quota {
            counters: ROOM,
            store: None,
            mode: QuotaMode::Shared,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let observe = Box::new(|_: &State| {});
        let counts = Keeper::open(
            self.0.path(),
            (&quota, Secret::new([7; 16])),
            (runtime.handle(), observe),
        )
        .unwrap();
        runtime.shutdown_background();
        Arc::new(counts)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("quota/counts")
    }
}

/// Takes as often as is asked for; returns how many passed.
fn take(counts: &Keeper, most: u64, times: u64) -> u64 {
    let limit = Limit::sliding(Unit::Requests, most, Duration::from_secs(3_600)).unwrap();
    let quota = quota::Quota::new(limit, Subjects::Registered, &["acme", "gold"], counts.ledger().secret());
    let demands = [quota.of(&["mobile"])];
    let passes = |_: &u64| counts.ledger().take(&demands, counts.clock().now()).result.is_ok();
    (0..times).filter(passes).count() as u64
}

async fn eventually(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Hands over from one process to the next, up to the moment at which both count.
async fn hand_over(old: &Arc<Keeper>, new: &Arc<Keeper>) -> Heir {
    let offer = old.offer().unwrap();
    let inheriting = Arc::clone(new);
    let inherited = tokio::spawn(async move { inheriting.inherit().await });
    let heir = offer.taken().await.unwrap();
    inherited.await.unwrap();
    heir
}

#[test]
fn a_restart_finds_the_counts_of_before() {
    let house = House::new();
    let old = house.process();
    old.begin();
    assert_eq!(take(&old, 5, 3), 3);
    old.keep();
    for path in [house.file(), house.0.path().join("quota")] {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
    let new = house.process();
    new.begin();
    assert_eq!(take(&new, 5, 9), 2);
}

#[test]
fn counts_that_cannot_be_read_do_not_stop_anybody() {
    let house = House::new();
    house.process().begin();
    for damage in [&b"nonsense"[..], b"", b"tollgate counts\n\x09and more"] {
        fs::write(house.file(), damage).unwrap();
        let process = house.process();
        process.begin();
        assert_eq!(take(&process, 5, 9), 5);
        process.keep();
        let next = house.process();
        next.begin();
        assert_eq!(take(&next, 5, 9), 0, "what is counted from then on is kept");
    }
    fs::remove_file(house.file()).unwrap();
    fs::create_dir(house.file()).unwrap();
    let process = house.process();
    process.begin();
    assert_eq!(
        take(&process, 5, 9),
        5,
        "where nothing can be kept, it counts all the same"
    );
}

#[tokio::test]
async fn the_next_process_has_all_counts_and_the_last_word_of_the_one_before() {
    let house = House::new();
    let old = house.process();
    old.begin();
    let mut passed = take(&old, 320, 100);
    let new = house.process();
    let heir = hand_over(&old, &new).await;
    let by_old = take(&old, 320, 500);
    assert_eq!(by_old, 20, "a sixteenth");
    assert!(new.offer().is_err(), "a third process waits until the first has ended");
    passed += by_old + take(&new, 320, 500);
    assert!(passed <= 320, "{passed}");
    fs::remove_file(house.file()).unwrap();
    old.keep();
    assert!(!house.file().exists(), "the file is the next one's");
    heir.conclude().await;
    eventually(|| !new.follows()).await;
    assert_eq!(passed + take(&new, 320, 500), 320);
    new.keep();
    assert!(house.file().exists());
}

#[tokio::test]
async fn a_process_that_ends_without_a_word_leaves_whole_quotas() {
    let house = House::new();
    let (old, new) = (house.process(), house.process());
    old.begin();
    let heir = hand_over(&old, &new).await;
    assert_eq!(take(&new, 320, 500), 300);
    // The connection is closed as it is when the process dies.
    drop(heir);
    eventually(|| !new.follows()).await;
    assert_eq!(take(&new, 320, 500), 20);
    assert!(new.offer().is_ok());
}

#[tokio::test]
async fn a_next_process_that_dies_leaves_the_old_one_whole() {
    let house = House::new();
    let old = house.process();
    old.begin();
    let offer = old.offer().unwrap();
    let mut next = UnixStream::connect(house.0.path().join("handover/counts"))
        .await
        .unwrap();
    let mut heir = offer.taken().await.unwrap();
    assert!(next.read_u64_le().await.unwrap() > 0);
    assert_eq!(take(&old, 320, 500), 20);
    drop(next);
    heir.gone().await;
    drop(heir);
    assert_eq!(take(&old, 320, 500), 300);
    old.keep();
    let new = house.process();
    new.begin();
    assert_eq!(take(&new, 320, 500), 0);
}

#[tokio::test]
async fn where_nobody_can_be_asked_the_disk_is() {
    let house = House::new();
    let old = house.process();
    old.begin();
    take(&old, 5, 3);
    old.keep();
    let new = house.process();
    new.inherit().await;
    assert_eq!(take(&new, 5, 9), 2);
    assert!(!new.follows());
}
