//! Promises of the store: what is found, what it takes, and what is left when something fails.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use pingora_cache::CacheMeta;
use pingora_cache::key::HashBinary;
use pingora_cache::storage::{HitHandler, MissHandler, PurgeOutcome, PurgeTarget, PurgeType, Storage};
use pingora_cache::trace::{Span, SpanHandle};
use pingora_http::ResponseHeader;
use proptest::prelude::*;

use super::*;

mod disk;
mod shelf;

const OWNER: Owner<'_> = Owner {
    tenant: "t",
    api: "a",
    version: "1",
};

const BOUNDS: Bounds = Bounds {
    memory: 4 << 20,
    entries: 10_000,
    max_body: 100_000,
    disk: None,
};

fn span() -> SpanHandle {
    Span::inactive().handle()
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000)
}

fn key(name: &str) -> CacheKey {
    CacheKey::new(name, "")
}

/// Returns the head of a response that is fresh for a minute, with a length if there is one.
fn meta(store: &Store, target: &str, length: Option<usize>) -> CacheMeta {
    let mut header = ResponseHeader::build(200, None).unwrap();
    header.append_header("Content-Type", "text/plain").unwrap();
    header.append_header("X-Two", "one").unwrap();
    header.append_header("X-Two", "other").unwrap();
    if let Some(length) = length {
        header.insert_header("Content-Length", length).unwrap();
    }
    let mut meta = CacheMeta::new(now() + Duration::from_secs(60), now(), 5, 7, header);
    let labels = Labels::new(OWNER, target).tagged("t", ["red"]).unwrap();
    meta.extensions_mut().insert(Storing {
        labels,
        asked: store.stamp(),
    });
    meta
}

struct World {
    store: Arc<Store>,
    doors: Doors,
}

impl World {
    fn new(bounds: Bounds) -> Self {
        let store = Store::new(bounds);
        let doors = Doors::open(&store);
        Self { store, doors }
    }

    async fn begin(&self, name: &str, length: Option<usize>) -> MissHandler {
        let meta = meta(&self.store, name, length);
        self.doors
            .storage(b"nobody")
            .get_miss_handler(&key(name), &meta, &span())
            .await
            .unwrap()
    }

    async fn begin_followed(&self, name: &str, length: usize) -> MissHandler {
        let meta = meta(&self.store, name, Some(length));
        let door = self.doors.followed;
        door.get_miss_handler(&key(name), &meta, &span()).await.unwrap()
    }

    async fn put(&self, name: &str, body: &'static [u8]) {
        let mut writer = self.begin(name, Some(body.len())).await;
        writer.write_body(Bytes::from_static(body), true).await.unwrap();
        writer.finish().await.unwrap();
    }

    async fn put_as(&self, name: &str, status: u16, body: &'static [u8]) {
        let mut meta = meta(&self.store, name, Some(body.len()));
        meta.response_header_mut().set_status(status).unwrap();
        let door = self.doors.storage(b"nobody");
        let mut writer = door.get_miss_handler(&key(name), &meta, &span()).await.unwrap();
        writer.write_body(Bytes::from_static(body), true).await.unwrap();
        writer.finish().await.unwrap();
    }

    async fn find(&self, name: &str) -> Option<(CacheMeta, HitHandler)> {
        self.doors.storage(b"nobody").lookup(&key(name), &span()).await.unwrap()
    }

    async fn read(&self, name: &str) -> Option<Vec<u8>> {
        let (_, mut hit) = self.find(name).await?;
        Some(rest(&mut hit).await.unwrap())
    }

    fn is_empty(&self) -> bool {
        let figures = self.store.figures();
        (
            figures.entries,
            figures.bytes,
            figures.on_their_way,
            figures.bytes_on_their_way,
        ) == (0, 0, 0, 0)
    }
}

async fn rest(hit: &mut HitHandler) -> Result<Vec<u8>> {
    let mut read = Vec::new();
    while let Some(piece) = hit.read_body().await? {
        read.extend_from_slice(&piece);
    }
    Ok(read)
}

#[tokio::test]
async fn a_stored_response_is_found_as_it_was_and_read_from_anywhere() {
    let world = World::new(BOUNDS);
    assert!(world.find("/x").await.is_none());
    world.put("/x", b"0123456789").await;
    let (meta, mut hit) = world.find("/x").await.unwrap();
    let two: Vec<_> = meta.headers().get_all("x-two").iter().collect();
    assert_eq!(two, ["one", "other"]);
    assert_eq!(
        meta.headers().get("content-length"),
        Some(&HeaderValue::from_static("10"))
    );
    assert_eq!(
        (meta.fresh_until(), meta.created()),
        (now() + Duration::from_secs(60), now())
    );
    assert_eq!((meta.stale_while_revalidate_sec(), meta.stale_if_error_sec()), (5, 7));
    assert_eq!(rest(&mut hit).await.unwrap(), b"0123456789");
    assert!(hit.can_seek());
    hit.seek(3, Some(5)).unwrap();
    assert_eq!(rest(&mut hit).await.unwrap(), b"34");
    hit.seek(8, Some(100)).unwrap();
    assert_eq!(rest(&mut hit).await.unwrap(), b"89");
    assert!(hit.seek(10, None).is_err());
}

#[tokio::test]
async fn the_body_of_a_hit_is_not_copied() {
    let world = World::new(BOUNDS);
    world.put("/x", b"0123456789").await;
    let mut places = Vec::new();
    for _ in 0..2 {
        let (_, mut hit) = world.find("/x").await.unwrap();
        places.push(hit.read_body().await.unwrap().unwrap().as_ptr());
    }
    assert_eq!(places[0], places[1]);
}

#[tokio::test]
async fn a_part_is_no_whole_response() {
    let world = World::new(BOUNDS);
    for (name, status) in [("/whole", 200), ("/part", 206)] {
        world.put_as(name, status, b"0123").await;
        assert!(world.store.has(&key(name)));
        assert_eq!(world.store.whole(&key(name)).is_some(), status == 200);
    }
    assert!(!world.store.has(&key("/other")));
}

#[tokio::test]
async fn two_keys_of_one_hash_do_not_meet() {
    let world = World::new(BOUNDS);
    let same = |name: &str| {
        let mut key = key(name);
        key.set_primary_bin_override(HashBinary::default());
        key
    };
    let door = world.doors.storage(b"");
    let writer = door
        .get_miss_handler(&same("/x"), &meta(&world.store, "/x", Some(0)), &span())
        .await
        .unwrap();
    writer.finish().await.unwrap();
    assert!(door.lookup(&same("/x"), &span()).await.unwrap().is_some());
    assert!(door.lookup(&same("/y"), &span()).await.unwrap().is_none());
}

#[tokio::test]
async fn readers_follow_a_writer_to_its_end() {
    let world = World::new(BOUNDS);
    let mut writer = world.begin_followed("/x", 6).await;
    let (_, mut reader) = world.find("/x").await.unwrap();
    assert!(!reader.can_seek());
    writer.write_body(Bytes::from_static(b"abc"), false).await.unwrap();
    assert_eq!(reader.read_body().await.unwrap().unwrap(), "abc");
    let waiting = tokio::spawn(async move { rest(&mut reader).await });
    tokio::task::yield_now().await;
    let (_, mut late) = world.find("/x").await.unwrap();
    writer.write_body(Bytes::from_static(b"def"), true).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), b"def");
    assert_eq!(rest(&mut late).await.unwrap(), b"abcdef");
    assert_eq!(world.read("/x").await.unwrap(), b"abcdef");
    drop(late);
    assert_eq!(world.store.figures().on_their_way, 0);
}

#[tokio::test]
async fn a_writer_that_is_dropped_releases_its_readers_and_leaves_nothing() {
    let world = World::new(BOUNDS);
    let mut writer = world.begin_followed("/x", 6).await;
    let (_, mut reader) = world.find("/x").await.unwrap();
    writer.write_body(Bytes::from_static(b"abc"), false).await.unwrap();
    let waiting = tokio::spawn(async move { rest(&mut reader).await });
    tokio::task::yield_now().await;
    drop(writer);
    assert!(waiting.await.unwrap().is_err());
    assert!(world.find("/x").await.is_none() && world.is_empty());
    assert_eq!(world.store.figures().broken, 1);
}

#[tokio::test]
async fn a_response_that_ends_early_is_not_stored() {
    let world = World::new(BOUNDS);
    for followed in [false, true] {
        let mut writer = match followed {
            false => world.begin("/x", Some(6)).await,
            true => world.begin_followed("/x", 6).await,
        };
        writer.write_body(Bytes::from_static(b"abc"), true).await.unwrap();
        assert!(writer.finish().await.is_err());
        assert!(world.find("/x").await.is_none() && world.is_empty());
    }
}

#[tokio::test]
async fn each_request_for_one_address_reads_the_response_that_it_fetched() {
    let world = World::new(BOUNDS);
    let mut first = world.begin_followed("/x", 1).await;
    let mut second = world.begin_followed("/x", 1).await;
    first.write_body(Bytes::from_static(b"1"), true).await.unwrap();
    second.write_body(Bytes::from_static(b"2"), true).await.unwrap();
    for (writer, expected) in [(&first, b"1"), (&second, b"2")] {
        let door = world.doors.followed;
        let (key, span) = (key("/x"), span());
        let own = door.lookup_streaming_write(&key, writer.streaming_write_tag(), &span);
        let (_, mut reader) = own.await.unwrap().unwrap();
        assert_eq!(reader.read_body().await.unwrap().unwrap(), expected[..]);
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_read_or_when_it_becomes_so() {
    let world = World::new(BOUNDS);
    let door = world.doors.storage(b"");
    let large = meta(&world.store, "/x", Some(100_001));
    assert!(door.get_miss_handler(&key("/x"), &large, &span()).await.is_err());
    let mut writer = world.begin("/x", None).await;
    writer.write_body(vec![0; 60_000].into(), false).await.unwrap();
    assert!(writer.write_body(vec![0; 40_001].into(), false).await.is_err());
    assert!(writer.write_body(vec![0; 1].into(), false).await.is_err());
    drop(writer);
    let endless = meta(&world.store, "/x", None);
    let followed = world.doors.followed;
    assert!(followed.get_miss_handler(&key("/x"), &endless, &span()).await.is_err());
    assert!(world.is_empty());
    assert_eq!(world.store.figures().refused, 3);
}

#[tokio::test]
async fn a_large_body_that_said_its_length_is_followed_next_time() {
    let world = World::new(BOUNDS);
    let is_followed = || world.doors.storage(b"/x").support_streaming_partial_write();
    assert!(!is_followed());
    drop(world.begin("/x", Some(65_536)).await);
    assert!(is_followed());
    drop(world.begin("/x", None).await);
    assert!(!is_followed());
}

#[tokio::test]
async fn a_purge_holds_for_what_is_there_and_for_what_is_on_its_way() {
    let world = World::new(BOUNDS);
    let red = Selector::Tag {
        tenant: "t",
        tag: "red",
    };
    for kind in [Kind::Hard, Kind::Soft] {
        world.put("/there", b"x").await;
        let coming = world.begin("/coming", Some(0)).await;
        let followed = world.begin_followed("/followed", 0).await;
        world.store.purge(&red, kind, now());
        assert!(world.find("/followed").await.is_none());
        coming.finish().await.unwrap();
        followed.finish().await.unwrap();
        for name in ["/there", "/coming", "/followed"] {
            let found = world.find(name).await;
            match kind {
                Kind::Hard => assert!(found.is_none()),
                Kind::Soft => assert_eq!(found.unwrap().0.fresh_until(), now()),
            }
        }
        world.put("/there", b"y").await;
        assert!(
            world
                .find("/there")
                .await
                .unwrap()
                .0
                .is_fresh(now() + Duration::from_secs(1))
        );
    }
}

#[tokio::test]
async fn settling_gives_back_what_is_purged() {
    let world = World::new(BOUNDS);
    for name in ["/a/1", "/a/2", "/b/1"] {
        world.put(name, b"body").await;
    }
    let within = Scope::Everything;
    let bytes = world.store.figures().bytes;
    world
        .store
        .purge(&Selector::Prefix { within, prefix: "/a/" }, Kind::Hard, now());
    world.store.purge(
        &Selector::Target {
            owner: OWNER,
            target: "/b/1",
        },
        Kind::Soft,
        now(),
    );
    world.store.settle(now());
    let figures = world.store.figures();
    assert_eq!((figures.entries, figures.bytes), (1, bytes / 3));
    world.store.settle(now() + Duration::from_secs(3600));
    assert_eq!((world.store.figures().purges, world.store.figures().entries), (0, 1));
}

#[tokio::test]
async fn many_purges_ask_for_settling_and_nothing_else_is_lost() {
    let world = World::new(BOUNDS);
    for name in ["/a", "/b"] {
        world.put(name, b"body").await;
    }
    let purge = |number: u32| {
        let target = &format!("/items/1?x={number}");
        let target = Selector::Target { owner: OWNER, target };
        world.store.purge(&target, Kind::Hard, now());
    };
    let is_due = || {
        let mut due = std::pin::pin!(world.store.due().notified());
        due.as_mut().enable()
    };
    let first = (0..).find(|number| {
        purge(*number);
        is_due()
    });
    let most = world.store.figures().purges;
    assert_eq!(first.map(|number| u64::from(number) + 1), Some(most));
    // Settled when it is asked for, however many come.
    for number in 0..100_000 {
        purge(number);
        if is_due() {
            world.store.settle(now());
        }
        assert!(world.store.figures().purges <= most);
    }
    for name in ["/a", "/b"] {
        assert_eq!(world.read(name).await.unwrap(), b"body");
    }
}

#[tokio::test]
async fn one_place_is_purged_or_made_stale() {
    let world = World::new(BOUNDS);
    let door = world.doors.storage(b"");
    let compact = key("/x").to_compact();
    let target = PurgeTarget::Active(&compact);
    let span = span();
    let purge = || door.purge(target, PurgeType::Invalidation, &span);
    assert_eq!(purge().await.unwrap(), PurgeOutcome::NotFound);
    world.put("/x", b"x").await;
    assert_eq!(door.expire(target, &span).await.unwrap(), PurgeOutcome::Expired);
    assert!(!world.find("/x").await.unwrap().0.is_fresh(now()));
    assert_eq!(purge().await.unwrap(), PurgeOutcome::Purged(None));
    assert!(world.find("/x").await.is_none());
}

#[tokio::test]
async fn a_validated_response_keeps_its_body_and_its_labels() {
    let world = World::new(BOUNDS);
    let door = world.doors.storage(b"");
    assert!(
        !door
            .update_meta(&key("/x"), &meta(&world.store, "/x", None), &span())
            .await
            .unwrap()
    );
    world.put("/x", b"body").await;
    world
        .store
        .purge(&Selector::Scope(Scope::Everything), Kind::Soft, now());
    let mut fresh = meta(&world.store, "/x", Some(4));
    fresh.response_header_mut().insert_header("X-New", "1").unwrap();
    fresh.extensions_mut().clear();
    assert!(door.update_meta(&key("/x"), &fresh, &span()).await.unwrap());
    let (found, mut hit) = world.find("/x").await.unwrap();
    assert!(found.is_fresh(now() + Duration::from_secs(1)) && found.headers().contains_key("x-new"));
    assert_eq!(rest(&mut hit).await.unwrap(), b"body");
    world.store.purge(
        &Selector::Tag {
            tenant: "t",
            tag: "red",
        },
        Kind::Hard,
        now(),
    );
    assert!(world.find("/x").await.is_none());
}

#[tokio::test]
async fn a_purge_while_the_origin_is_asked_whether_a_response_is_good_still_holds() {
    let world = World::new(BOUNDS);
    world.put("/x", b"body").await;
    let asked = meta(&world.store, "/x", Some(4));
    world
        .store
        .purge(&Selector::Scope(Scope::Everything), Kind::Soft, now());
    let door = world.doors.storage(b"");
    assert!(door.update_meta(&key("/x"), &asked, &span()).await.unwrap());
    assert_eq!(world.find("/x").await.unwrap().0.fresh_until(), now());
}

#[tokio::test]
async fn a_body_that_is_read_after_it_was_evicted_still_counts() {
    let world = World::new(BOUNDS);
    world.put("/x", b"body").await;
    let (_, mut hit) = world.find("/x").await.unwrap();
    let bytes = world.store.figures().bytes;
    world
        .store
        .purge(&Selector::Scope(Scope::Everything), Kind::Hard, now());
    assert!(world.find("/x").await.is_none());
    let figures = world.store.figures();
    assert_eq!(
        (figures.bytes, figures.bytes_on_their_way, figures.on_their_way),
        (0, bytes, 1)
    );
    assert_eq!(rest(&mut hit).await.unwrap(), b"body");
    drop(hit);
    assert!(world.is_empty());
}

#[tokio::test]
async fn a_body_of_single_bytes_takes_what_it_is_counted_for() {
    let world = World::new(BOUNDS);
    let whole: Vec<u8> = (0..90_000_u32).map(|byte| (byte % 251) as u8).collect();
    let mut writer = world.begin("/x", None).await;
    for byte in &whole {
        writer
            .write_body(Bytes::copy_from_slice(&[*byte]), false)
            .await
            .unwrap();
    }
    let counted = world.store.figures().bytes_on_their_way;
    assert!((90_000..200_000).contains(&counted), "{counted}");
    writer.finish().await.unwrap();
    let (found, mut hit) = world.find("/x").await.unwrap();
    let first = hit.read_body().await.unwrap().unwrap();
    assert!(first.len() > 20_000 || world.store.table.walk().all(|entry| entry.body().pieces().len() < 20));
    assert_eq!([&first, &*rest(&mut hit).await.unwrap()].concat(), whole);
    // Its length is known by now, so ranges of it can be asked for.
    assert_eq!(found.headers()["content-length"], "90000");
    world.put("/short", b"ab").await;
    let (_, mut hit) = world.find("/short").await.unwrap();
    assert_eq!(hit.read_body().await.unwrap().unwrap(), "ab");
}

#[tokio::test]
async fn followers_read_single_bytes_as_they_come() {
    let world = World::new(BOUNDS);
    let mut writer = world.begin_followed("/x", 70_000).await;
    let (_, mut reader) = world.find("/x").await.unwrap();
    let mut read = Vec::new();
    for number in 0..70_000_u32 {
        let byte = (number % 251) as u8;
        writer.write_body(Bytes::copy_from_slice(&[byte]), false).await.unwrap();
        if number % 3 == 0 {
            read.extend_from_slice(&reader.read_body().await.unwrap().unwrap());
            while read.len() <= number as usize {
                read.extend_from_slice(&reader.read_body().await.unwrap().unwrap());
            }
        }
    }
    writer.finish().await.unwrap();
    read.extend(rest(&mut reader).await.unwrap());
    assert!(
        read.iter()
            .zip(0_u32..)
            .all(|(byte, number)| *byte == (number % 251) as u8)
    );
    assert_eq!(read.len(), 70_000);
    assert_eq!(world.read("/x").await.unwrap(), read);
}

#[tokio::test]
async fn a_response_without_content_says_no_length() {
    let world = World::new(BOUNDS);
    let door = world.doors.storage(b"");
    let header = ResponseHeader::build(204, None).unwrap();
    let head = CacheMeta::new(now(), now(), 0, 0, header);
    door.get_miss_handler(&key("/x"), &head, &span())
        .await
        .unwrap()
        .finish()
        .await
        .unwrap();
    let (found, _) = world.find("/x").await.unwrap();
    assert!(!found.headers().contains_key("content-length"));
}

/// What a request does to the store.
#[derive(Clone, Debug)]
enum Step {
    Begin(u8, usize, bool),
    Write(usize, usize),
    Finish(usize),
    Drop(usize),
    Read(u8),
    Release(usize),
    Purge(u8, bool),
    Update(u8),
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![0_usize..200, 0_usize..40_000];
    prop_oneof![
        4 => (any::<u8>(), size.clone(), any::<bool>()).prop_map(|(name, size, open)| Step::Begin(name, size, open)),
        4 => (any::<usize>(), size).prop_map(|(writer, size)| Step::Write(writer, size)),
        6 => any::<usize>().prop_map(Step::Finish),
        1 => any::<usize>().prop_map(Step::Drop),
        3 => any::<u8>().prop_map(Step::Read),
        2 => any::<usize>().prop_map(Step::Release),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(name, hard)| Step::Purge(name, hard)),
        1 => any::<u8>().prop_map(Step::Update),
        1 => Just(Step::Settle),
    ]
}

/// Takes one of some things away, if there are any.
fn take<T>(things: &mut Vec<T>, which: usize) -> Option<T> {
    (!things.is_empty()).then(|| things.swap_remove(which % things.len()))
}

/// Requests under way.
#[derive(Default)]
struct Requests {
    writers: Vec<(usize, MissHandler)>,
    readers: Vec<HitHandler>,
}

impl Requests {
    async fn run(&mut self, world: &World, step: Step) {
        let door = world.doors.storage(b"nobody");
        match step {
            Step::Begin(name, size, open) => {
                let name = name.to_string();
                let meta = meta(&world.store, &name, (!open).then_some(size));
                if let Ok(writer) = door.get_miss_handler(&key(&name), &meta, &span()).await {
                    self.writers.push((if open { usize::MAX } else { size }, writer));
                }
            }
            Step::Write(which, size) => {
                if let Some((left, mut writer)) = take(&mut self.writers, which)
                    && writer.write_body(vec![7; size.min(left)].into(), false).await.is_ok()
                {
                    self.writers.push((left - size.min(left), writer));
                }
            }
            Step::Finish(which) => {
                if let Some((left, mut writer)) = take(&mut self.writers, which) {
                    let last = if left > 1 << 20 { 0 } else { left };
                    if writer.write_body(vec![7; last].into(), true).await.is_ok() {
                        writer.finish().await.unwrap();
                    }
                }
            }
            Step::Drop(which) => drop(take(&mut self.writers, which)),
            Step::Read(name) => self
                .readers
                .extend(world.find(&name.to_string()).await.map(|(_, hit)| hit)),
            Step::Release(which) => drop(take(&mut self.readers, which)),
            Step::Purge(name, hard) => {
                let target = &*name.to_string();
                let kind = if hard { Kind::Hard } else { Kind::Soft };
                world
                    .store
                    .purge(&Selector::Target { owner: OWNER, target }, kind, now());
            }
            Step::Update(name) => {
                let name = name.to_string();
                let meta = meta(&world.store, &name, Some(3));
                door.update_meta(&key(&name), &meta, &span()).await.unwrap();
            }
            Step::Settle => world.store.settle(now()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn accounting_is_the_sum_of_what_is_there_and_no_bound_is_passed(
        steps in proptest::collection::vec(step(), 0..300),
        entries in 1_u64..60,
    ) {
        let bounds = Bounds { memory: 1 << 20, entries, max_body: 40_000, disk: None };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let world = World::new(bounds.clone());
        let mut requests = Requests::default();
        for step in steps {
            runtime.block_on(requests.run(&world, step));
            let figures = world.store.figures();
            let sum: u64 = world.store.table.walk().map(|entry| entry.bytes()).sum();
            prop_assert_eq!(figures.bytes, sum);
            prop_assert_eq!(figures.entries, world.store.table.walk().count() as u64);
            prop_assert!(figures.bytes <= bounds.memory - bounds.memory / 8);
            prop_assert!(figures.entries <= entries);
            let read: u64 = (requests.readers.len() * 50_000) as u64;
            prop_assert!(figures.bytes_on_their_way <= bounds.memory / 8 + read);
        }
        drop(requests);
        let figures = world.store.figures();
        prop_assert_eq!((figures.on_their_way, figures.bytes_on_their_way), (0, 0));
    }
}

#[test]
fn a_scan_of_a_million_keys_does_not_push_out_a_hot_set() {
    const HOT: u32 = 500;
    let store = Store::new(Bounds {
        memory: 8 << 20,
        ..BOUNDS
    });
    let header = ResponseHeader::build_no_case(204, Some(0)).unwrap();
    let head = CacheMeta::new(now(), now(), 0, 0, header);
    let sheet = writer::sheet(&store, &key("/"), &head).unwrap();
    let place = |number: u32| {
        let mut key = key("/");
        let mut hash = HashBinary::default();
        hash[..4].copy_from_slice(&number.to_be_bytes());
        key.set_primary_bin_override(hash);
        Address::of(&key)
    };
    let put = |number: u32| {
        let mut sheet = sheet.clone();
        sheet.address = place(number);
        store.table.insert(&Entry::new(sheet, body::Body::new(Vec::new())));
    };
    let hot = || {
        (0..HOT)
            .filter(|number| store.table.find(&place(*number)).is_some())
            .count()
    };
    (0..HOT).for_each(put);
    assert_eq!((hot(), hot()), (HOT as usize, HOT as usize));
    let room = store.figures().bytes / u64::from(HOT);
    assert!((BOUNDS.memory / room) < 20_000, "the scan is many times the bound");
    for number in HOT..1_000_000 {
        put(number);
        // A hot key is asked for now and then.
        if number % 100 == 0 {
            _ = store.table.find(&place(number / 100 % HOT));
        }
    }
    assert!(store.figures().evictions > 900_000);
    assert!(hot() >= HOT as usize * 95 / 100, "{} of {HOT} are left", hot());
}
