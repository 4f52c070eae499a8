//! Promises of the watch, over real files: an edit is served, however it is made.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Mutex;

use admin::control::Control;
use admin::control::publish::{Commit, Publish, Revision};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::model::catalog::Catalog;
use crate::model::violation::Violation;
use crate::settings::Stated;
use crate::settings::environment::Environment;

/// Publishes nothing.
struct Nobody;

impl Publish for Nobody {
    fn prepare(&self, _: Revision, _: &Catalog) -> Result<Commit, Vec<Violation>> {
        Ok(Box::new(|| ()))
    }
}

struct Bench {
    dir: TempDir,
    control: Arc<Control>,
    refusals: Arc<Mutex<u32>>,
    shutdown: watch::Sender<bool>,
    watching: JoinHandle<()>,
}

impl Bench {
    /// Watches a directory that is already served.
    fn begin(dir: TempDir) -> Self {
        let environment = Environment::default();
        let control = Arc::new(Control::new(Box::new(environment.clone()), Box::new(Nobody)));
        let refusals = Arc::new(Mutex::new(0));
        let counted = refusals.clone();
        let observe = move |outcome: &Result<_, _>| *counted.lock().unwrap() += u32::from(outcome.is_err());
        let reload = Reload::new(control.clone(), dir.path().join("catalog"), Box::new(observe));
        reload.run().unwrap();
        let running = Stated::read(dir.path(), &environment).unwrap();
        let restart = Restart::new(dir.path().to_path_buf(), environment, running);
        let (shutdown, stop) = watch::channel(false);
        let watching = tokio::spawn(Watch::new(reload, restart).run(stop));
        Self {
            dir,
            control,
            refusals,
            shutdown,
            watching,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("catalog").join(name)
    }

    /// Waits until so many APIs are served.
    async fn serves(&self, apis: usize) {
        self.until(|control| control.status().apis == apis && control.status().violations.is_empty())
            .await;
    }

    /// Edits a file that states the API `b`, and returns how long the quickest edit took to be served: the machine that runs
    /// the tests may be busy, the poll takes a second at best.
    async fn quickest_of_five_edits(&self, name: &str) -> Duration {
        let mut quickest = Duration::MAX;
        for round in 0..5 {
            let began = Instant::now();
            let revision = self.control.status().revision;
            fs::write(self.path(name), format!("{}# {round}\n", api("b"))).unwrap();
            self.until(|control| control.status().revision > revision).await;
            quickest = quickest.min(began.elapsed());
        }
        quickest
    }

    async fn until(&self, done: impl Fn(&Control) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !done(&self.control) {
            assert!(Instant::now() < deadline, "{:?}", self.control);
            sleep(Duration::from_millis(2)).await;
        }
    }
}

fn api(name: &str) -> String {
    format!(
        "name = '{name}'\ncontext = '/{name}'\n[[versions]]\nversion = '1.0'\n[versions.endpoints]\n\
         production = ['http://127.0.0.1:9001']\n[[versions.resources]]\npath = '/*'\nmethods = ['GET']\nauth = 'none'\n"
    )
}

fn catalog(files: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("catalog")).unwrap();
    for name in files {
        fs::write(dir.path().join("catalog").join(name).with_extension("toml"), api(name)).unwrap();
    }
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_written_or_renamed_or_removed_is_noticed() {
    let bench = Bench::begin(catalog(&["a"]));
    bench.serves(1).await;
    fs::write(bench.path("b.toml"), api("b")).unwrap();
    bench.serves(2).await;
    fs::write(bench.path("c.tmp"), api("c")).unwrap();
    fs::rename(bench.path("c.tmp"), bench.path("c.toml")).unwrap();
    bench.serves(3).await;
    fs::create_dir(bench.path("more")).unwrap();
    fs::write(bench.path("more/d.toml"), api("d")).unwrap();
    bench.serves(4).await;
    fs::remove_file(bench.path("a.toml")).unwrap();
    bench.serves(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_live_within_300_ms_where_the_file_system_tells() {
    let bench = Bench::begin(catalog(&["a"]));
    fs::write(bench.path("b.toml"), api("b")).unwrap();
    bench.serves(2).await;
    let quickest = bench.quickest_of_five_edits("b.toml").await;
    assert!(quickest < Duration::from_millis(300), "{quickest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_live_as_soon_in_folders_that_took_the_place_of_others() {
    let dir = catalog(&["a"]);
    fs::create_dir(dir.path().join("catalog/apis")).unwrap();
    fs::write(dir.path().join("catalog/apis/b.toml"), api("b")).unwrap();
    let bench = Bench::begin(dir);
    let elsewhere = catalog(&["b", "c"]);
    fs::rename(bench.path("apis"), bench.path(".before")).unwrap();
    symlink(elsewhere.path().join("catalog"), bench.path("apis")).unwrap();
    bench.serves(3).await;
    let quickest = bench.quickest_of_five_edits("apis/b.toml").await;
    assert!(quickest < Duration::from_millis(300), "{quickest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_edit_keeps_what_is_served_until_it_is_mended() {
    let bench = Bench::begin(catalog(&["a"]));
    fs::write(bench.path("b.toml"), "name = ").unwrap();
    bench.until(|control| !control.status().violations.is_empty()).await;
    assert_eq!(bench.control.status().apis, 1);
    fs::write(bench.path("b.toml"), api("b")).unwrap();
    bench.serves(2).await;
    assert!(*bench.refusals.lock().unwrap() >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_goes_and_comes_back_is_watched_again() {
    let bench = Bench::begin(catalog(&["a"]));
    fs::remove_dir_all(bench.path("")).unwrap();
    bench.until(|control| !control.status().violations.is_empty()).await;
    assert_eq!(bench.control.status().apis, 1, "the last good catalog stays");
    fs::create_dir(bench.path("")).unwrap();
    fs::write(bench.path("a.toml"), api("a")).unwrap();
    fs::write(bench.path("b.toml"), api("b")).unwrap();
    bench.serves(2).await;
    fs::write(bench.path("c.toml"), api("c")).unwrap();
    bench.serves(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_leads_elsewhere_is_noticed() {
    let (one, two, dir) = (catalog(&["a"]), catalog(&["a", "b"]), tempfile::tempdir().unwrap());
    let link = dir.path().join("catalog");
    symlink(one.path().join("catalog"), &link).unwrap();
    let bench = Bench::begin(dir);
    bench.serves(1).await;
    symlink(two.path().join("catalog"), bench.dir.path().join("new")).unwrap();
    fs::rename(bench.dir.path().join("new"), &link).unwrap();
    bench.serves(2).await;
    fs::write(two.path().join("catalog/c.toml"), api("c")).unwrap();
    bench.serves(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_that_is_swapped_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let map = dir.path().join("catalog");
    for (version, names) in [("..1", vec!["a"]), ("..2", vec!["a", "b"])] {
        fs::create_dir_all(map.join(version)).unwrap();
        for name in names {
            fs::write(map.join(version).join(name).with_extension("toml"), api(name)).unwrap();
        }
    }
    symlink("..1", map.join("..data")).unwrap();
    symlink("..data/a.toml", map.join("a.toml")).unwrap();
    let bench = Bench::begin(dir);
    bench.serves(1).await;
    symlink("..2", map.join("..swap")).unwrap();
    fs::rename(map.join("..swap"), map.join("..data")).unwrap();
    symlink("..data/b.toml", map.join("b.toml")).unwrap();
    bench.serves(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_with_the_process() {
    let bench = Bench::begin(catalog(&[]));
    bench.shutdown.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(10), bench.watching)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_is_over_after_30_ms_of_quiet_and_200_ms_at_most() {
    let wake = Arc::new(Notify::new());
    let began = Instant::now();
    settle(&wake).await;
    assert!(began.elapsed() >= QUIET);

    let busy = wake.clone();
    let noise = tokio::spawn(async move {
        loop {
            busy.notify_one();
            tokio::task::yield_now().await;
        }
    });
    // Without the bound it would never end.
    settle(&wake).await;
    noise.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_events_the_catalog_is_asked() {
    let dir = catalog(&["a"]);
    let environment = Environment::default();
    let control = Arc::new(Control::new(Box::new(environment.clone()), Box::new(Nobody)));
    let reloads = Arc::new(Mutex::new(0));
    let counted = reloads.clone();
    let observe = move |_: &Result<_, _>| *counted.lock().unwrap() += 1;
    let reload = Reload::new(control.clone(), dir.path().join("catalog"), Box::new(observe));
    let running = Stated::read(dir.path(), &environment).unwrap();
    let watch = Watch::new(reload, Restart::new(dir.path().to_path_buf(), environment, running));

    let look = Look::new(&watch, &Arc::default()).again(Cause::Poll);
    assert_eq!((control.status().apis, *reloads.lock().unwrap()), (1, 1));
    let look = look.again(Cause::Poll);
    assert_eq!(*reloads.lock().unwrap(), 1, "nothing was touched");
    fs::write(dir.path().join("catalog/b.toml"), api("b")).unwrap();
    let look = look.again(Cause::Poll);
    assert_eq!((control.status().apis, *reloads.lock().unwrap()), (2, 2));
    drop(look);
}
