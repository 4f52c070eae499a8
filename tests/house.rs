//! The rules of the house that a program can check: who may import whom, sizes, names, and samples that load.
//!
//! It reads the sources as text, without their comments and unit tests. A rule that makes a file worse is broken in
//! the open: by an exception here, with its reason.
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected has failed")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the files below some paths may not say.
struct Rule {
    within: &'static [&'static str],
    but: &'static [&'static str],
    never: &'static [&'static str],
}

/// Who may import whom: from the values at the bottom to what composes them.
const RULES: &[Rule] = &[
    // The edge and the shell speak to Pingora; `rewrite.rs` edits its heads, `command/handover.rs` carries its sockets from
    // one process to the next, and `command/origin.rs` is a server of its own.
    Rule {
        within: &["src"],
        but: &[
            "src/accept",
            "src/boot",
            "src/boot.rs",
            "src/bridge",
            "src/cache",
            "src/command/origin.rs",
            "src/command/handover.rs",
            "src/gateway",
            "src/gateway.rs",
            "src/reply.rs",
            "src/rewrite.rs",
            "src/routed",
            "src/telemetry",
            "src/tunnel",
            "src/upstream",
        ],
        never: &["pingora"],
    },
    Rule {
        within: &["src"],
        but: &["src/lib.rs", "src/bridge", "src/boot", "src/boot.rs", "src/command"],
        never: &["admin::"],
    },
    // Addresses of an endpoint's name change while snapshots that use it live on.
    Rule {
        within: &["src", "admin"],
        but: &["src/snapshot/live.rs", "src/upstream/target.rs"],
        never: &["arc_swap"],
    },
    Rule {
        within: &[
            "src/stages",
            "src/snapshot",
            "src/head.rs",
            "src/denial.rs",
            "src/target.rs",
        ],
        but: &[],
        never: &["tokio", "Instant::now", "SystemTime::now", "std::env", "std::fs"],
    },
    Rule {
        within: &["src/head.rs", "src/denial.rs", "src/target.rs"],
        but: &[],
        never: &[
            "crate::snapshot",
            "crate::stages",
            "crate::exchange",
            "crate::upstream",
            "crate::settings",
        ],
    },
    Rule {
        within: &["src/snapshot"],
        but: &[],
        never: &["crate::stages", "crate::exchange", "crate::upstream"],
    },
    // What is counted outlives snapshots, so it is named by what they are made of.
    Rule {
        within: &["src/quota"],
        but: &["src/quota/store"],
        never: &["tokio", "redis"],
    },
    Rule {
        within: &["src/quota"],
        but: &[],
        never: &[
            "std::env",
            "crate::snapshot",
            "crate::stages",
            "crate::exchange",
            "crate::upstream",
            "crate::settings",
            "crate::telemetry",
        ],
    },
    Rule {
        within: &["src/quota"],
        but: &["src/quota/clock.rs", "src/quota/store"],
        never: &["Instant::now", "SystemTime::now"],
    },
    Rule {
        within: &["src/stages"],
        but: &[],
        never: &[
            "crate::exchange",
            "crate::upstream",
            "crate::telemetry",
            "crate::served",
            "tracing::info",
        ],
    },
    Rule {
        within: &[
            "src/accept",
            "src/tunnel",
            "src/upstream",
            "src/cache",
            "src/reply.rs",
            "src/routed",
            "src/telemetry",
            "src/exchange.rs",
        ],
        but: &[],
        never: &["crate::gateway", "crate::bridge", "crate::boot", "crate::command"],
    },
    // Bytes are stored for whoever says what they are.
    Rule {
        within: &["src/cache/storage"],
        but: &[],
        never: &["crate::"],
    },
    Rule {
        within: &["src/bridge"],
        but: &[],
        never: &["crate::gateway", "crate::stages", "crate::boot"],
    },
    // Tests are held against plain values: nobody is asked, and the time is stepped.
    Rule {
        within: &["src/trial"],
        but: &[],
        never: &[
            "tokio",
            "std::env",
            "std::fs",
            "SystemTime::now",
            "crate::bridge",
            "crate::gateway",
            "crate::upstream",
        ],
    },
    Rule {
        within: &["src/gateway.rs"],
        but: &[],
        never: &["crate::bridge", "crate::boot", "crate::settings::raw"],
    },
    Rule {
        within: &["admin/src/model"],
        but: &[],
        never: &[
            "crate::control",
            "std::fs",
            "std::env",
            "std::net::Tcp",
            "tokio",
            "Instant::now",
            "SystemTime::now",
        ],
    },
    // What is imported comes as texts and bytes, and leaves as a document; a zip stays in memory.
    Rule {
        within: &["admin/src/import"],
        but: &[],
        never: &[
            "crate::control",
            "crate::registry",
            "crate::oauth",
            "std::fs",
            "std::env",
            "std::net",
            "tokio",
            "Instant::now",
            "SystemTime::now",
        ],
    },
    Rule {
        within: &[
            "admin/src/model",
            "admin/src/control",
            "admin/src/registry",
            "admin/src/oauth",
        ],
        but: &[],
        never: &["crate::import"],
    },
    Rule {
        within: &["admin"],
        but: &["admin/src/http"],
        never: &["axum", "crate::http"],
    },
    Rule {
        within: &["admin"],
        but: &[],
        never: &["pingora"],
    },
    // What implements Pingora's `IO` and `Storage` has their names.
    Rule {
        within: &["src", "admin"],
        but: &["src/accept/deadline.rs", "src/cache/storage/doors.rs"],
        never: &["fn get_"],
    },
    Rule {
        within: &["src", "admin"],
        but: &[],
        never: &["dbg!(", "Box<dyn Any"],
    },
];

#[test]
fn imports_point_down() {
    let mut broken = String::new();
    for file in sources() {
        for rule in RULES
            .iter()
            .filter(|rule| file.is_below(rule.within) && !file.is_below(rule.but))
        {
            for (number, line) in file.code() {
                if let Some(word) = rule.never.iter().find(|word| says(line, word)) {
                    _ = writeln!(broken, "{}:{number} says {word}: {}", file.name, line.trim());
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{broken}");
}

#[test]
fn files_are_short() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|file| file.code().count() > 400)
        .map(|file| file.name)
        .collect();
    assert!(long.is_empty(), "longer than 400 lines before their tests: {long:?}");
}

#[test]
fn files_say_what_they_own() {
    let silent: Vec<_> = everything()
        .into_iter()
        .filter(|file| !file.text.starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "without `//!` at the top: {:?}", names(&silent));
}

#[test]
fn files_are_named_for_what_they_own() {
    const VAGUE: [&str; 11] = [
        "util", "utils", "helper", "helpers", "common", "manager", "handler", "handlers", "info", "misc", "types",
    ];
    let vague: Vec<_> = everything()
        .into_iter()
        .filter(|file| {
            Path::new(&file.name)
                .with_extension("")
                .iter()
                .any(|part| VAGUE.iter().any(|name| part == *name))
        })
        .collect();
    assert!(vague.is_empty(), "{:?}", names(&vague));
}

#[test]
fn lints_are_silenced_with_a_reason() {
    for file in everything() {
        let lines: Vec<_> = file.text.lines().map(str::trim_start).collect();
        for (number, line) in lines.iter().enumerate() {
            if ["#[allow(", "#![allow(", "#[expect(", "#![expect("]
                .iter()
                .any(|silencer| line.starts_with(silencer))
            {
                let rest = lines.get(number..).unwrap().join(" ");
                let attribute = rest.split(")]").next().unwrap();
                assert!(
                    attribute.contains("reason ="),
                    "{}:{}: {attribute})]",
                    file.name,
                    number + 1
                );
            }
        }
    }
}

#[test]
fn what_is_left_to_do_has_an_issue() {
    for file in everything().into_iter().filter(|file| file.name != "tests/house.rs") {
        for line in file
            .text
            .lines()
            .filter(|line| line.contains("TODO") || line.contains("FIXME"))
        {
            assert!(line.contains("issue "), "{}: {line}", file.name);
        }
    }
}

#[test]
fn the_sample_configuration_loads() {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["check", "--conf"])
        .arg(root().join("conf"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A source file, named from the root of the repository.
struct Source {
    name: String,
    text: String,
}

impl Source {
    fn is_below(&self, paths: &[&str]) -> bool {
        paths.iter().any(|path| {
            self.name
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Returns its lines and their numbers up to its unit tests, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test_file = self.name.ends_with("/tests.rs") || self.name.contains("/tests/");
        let lines = self
            .text
            .lines()
            .take_while(move |line| !is_test_file && line.trim() != "#[cfg(test)]");
        lines
            .map(|line| line.split("//").next().unwrap_or_default())
            .zip(1..)
            .map(|(line, number)| (number, line))
    }
}

/// Tells whether code says a word, and not merely a longer one that ends like it.
fn says(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(place, _)| {
        let before = line.get(..place).and_then(|before| before.chars().next_back());
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == ':')
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads the sources that are shipped.
fn sources() -> Vec<Source> {
    read(&["src", "admin/src", "allocator/src"])
}

/// Reads every source, tests and benches included.
fn everything() -> Vec<Source> {
    read(&[
        "src",
        "admin/src",
        "admin/tests",
        "allocator/src",
        "tests",
        "benches",
        "fuzz/fuzz_targets",
    ])
}

fn read(directories: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    for directory in directories {
        collect(&root().join(directory), &mut paths);
    }
    assert!(!paths.is_empty());
    let named = |path: PathBuf| Source {
        name: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(),
        text: fs::read_to_string(&path).unwrap(),
    };
    paths.into_iter().map(named).collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn names(files: &[Source]) -> Vec<&str> {
    files.iter().map(|file| file.name.as_str()).collect()
}

#[test]
fn a_word_is_not_found_inside_another() {
    assert!(says("use admin::control;", "admin::"));
    assert!(!says("use crate::admin::x; mysadmin::y", "admin::"));
    assert!(says("let x = tokio::spawn(y);", "tokio"));
    assert!(!says("use my_tokio;", "tokio"));
}
