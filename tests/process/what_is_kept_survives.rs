//! What is kept of responses survives a restart, and what is purged does not; traffic never depends on the disk.

use std::os::unix::fs::PermissionsExt;

use super::*;

/// A gateway whose responses are kept in memory and on a disk, and its backend.
struct Kept {
    site: Site,
    origin: Option<Process>,
}

impl Kept {
    fn new(settings: &str) -> Self {
        let site = Site::new();
        let text = fs::read_to_string(site.path("tollgate.toml")).unwrap();
        site.write(
            "tollgate.toml",
            &format!("{text}[cache]\ndisk = \"../cache\"\n{settings}"),
        );
        let cache = "\n[versions.cache]\nmode = \"fixed\"\ntimeout = \"1h\"\n";
        site.write("catalog/apis/demo.toml", &(site.demo() + cache));
        let origin = Some(site.origin());
        Self { site, origin }
    }

    fn directory(&self) -> PathBuf {
        self.site.directory.path().join("cache")
    }

    /// Starts a gateway, and waits until it uses the disk.
    fn run(&self) -> Process {
        let process = self.site.run(&[]);
        self.comes_to("tollgate_cache_disk_used", 1);
        process
    }

    fn comes_to(&self, metric: &str, value: u64) {
        eventually(metric, || self.site.find_metric(metric) == Some(value));
    }

    fn status(&self, name: &str) -> u16 {
        get(self.site.http, &format!("/demo/1.0/{name}")).status
    }

    /// Has responses kept on the disk, which takes what is asked for twice.
    fn fill(&self, names: &[&str]) {
        let before = self.site.metric("tollgate_cache_disk_written_total");
        for name in [names, names].concat() {
            assert_eq!(self.status(name), 200);
        }
        self.comes_to("tollgate_cache_disk_written_total", before + names.len() as u64);
    }

    fn purge(&self, name: &str) {
        let output = self
            .site
            .tollgate(&["cache", "purge", "--url", &format!("/demo/1.0/{name}")]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }

    /// Ends the backend: from now on, nothing is answered but what is kept.
    fn end_origin(&mut self) {
        self.origin = None;
        assert!(self.status("never") >= 500);
    }
}

fn end(mut process: Process) {
    process.signal("TERM");
    assert_eq!(process.wait().code(), Some(0));
}

#[test]
fn what_is_kept_survives_a_restart_and_what_is_purged_does_not() {
    let mut kept = Kept::new("");
    let first = kept.run();
    kept.fill(&["a", "b", "c"]);
    kept.purge("a");
    end(first);
    let second = kept.run();
    kept.end_origin();
    assert_eq!((kept.status("b"), kept.status("c")), (200, 200));
    assert!(kept.status("a") >= 500);
    assert_eq!(kept.site.metric("tollgate_cache_disk_read_total"), 2);
    // A crash right behind the answer to who purges.
    kept.purge("b");
    drop(second);
    let third = kept.run();
    assert!(kept.status("b") >= 500);
    assert_eq!(kept.status("c"), 200);
    end(third);
}

#[test]
fn a_process_that_takes_over_gets_the_disk() {
    let mut kept = Kept::new("");
    let mut old = kept.run();
    kept.fill(&["a", "b"]);
    let new = kept.site.spawn(&["run", "--upgrade"]);
    old.signal("QUIT");
    assert_eq!(old.wait().code(), Some(0));
    kept.site.ready();
    kept.purge("b");
    kept.comes_to("tollgate_cache_disk_used", 1);
    kept.end_origin();
    assert_eq!(kept.status("a"), 200);
    assert!(kept.status("b") >= 500);
    end(new);
}

#[test]
fn damaged_files_are_fetched_again() {
    let kept = Kept::new("");
    let first = kept.run();
    kept.fill(&["a", "b"]);
    end(first);
    let mut damaged = 0;
    for part in fs::read_dir(kept.directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        for file in fs::read_dir(part)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
        {
            let mut bytes = fs::read(&file).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&file, bytes).unwrap();
            damaged += 1;
        }
    }
    assert_eq!(damaged, 2);
    let second = kept.run();
    assert_eq!((kept.status("a"), kept.status("b")), (200, 200));
    kept.comes_to("tollgate_cache_disk_damaged_total", 2);
    end(second);
}

#[test]
fn a_full_disk_keeps_the_newest_within_its_bound() {
    let kept = Kept::new("disk_bytes = \"16MiB\"\nmax_body = \"1MiB\"\n");
    let process = kept.run();
    let mut caller = Connection::to(kept.site.http);
    // Each is a block of 4 KiB at least, so that there is no room for all of them.
    for name in (0..4_200).map(|number| number.to_string()) {
        for _ in 0..2 {
            assert_eq!(caller.get(&format!("/demo/1.0/{name}")).status, 200);
        }
    }
    assert!(kept.site.metric("tollgate_cache_disk_bytes") <= 16 << 20);
    assert_eq!(kept.site.metric("tollgate_cache_disk_failures_total"), 0);
    end(process);
}

#[test]
fn a_directory_that_cannot_be_used_is_done_without() {
    let kept = Kept::new("");
    // A file is in its way, which stops root, too.
    fs::write(kept.directory(), "in the way").unwrap();
    let process = kept.site.run(&[]);
    kept.comes_to("tollgate_cache_disk_failures_total", 1);
    assert_eq!((kept.status("a"), kept.status("a")), (200, 200));
    assert_eq!(kept.site.metric("tollgate_cache_disk_used"), 0);
    // Nobody could hold the next process to it.
    let output = kept.site.tollgate(&["cache", "purge", "--everything"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr(&output).contains("cannot be used"), "{}", stderr(&output));
    end(process);
    fs::remove_file(kept.directory()).unwrap();
    fs::create_dir(kept.directory()).unwrap();
    fs::set_permissions(kept.directory(), fs::Permissions::from_mode(0o755)).unwrap();
    let process = kept.site.run(&[]);
    kept.comes_to("tollgate_cache_disk_failures_total", 1);
    let output = kept.site.tollgate(&["cache", "purge", "--everything"]);
    assert!(stderr(&output).contains("chmod 700"), "{}", stderr(&output));
    end(process);
}
