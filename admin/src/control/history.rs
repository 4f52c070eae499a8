//! Every catalog that was served, up to a bound: who made it, when, and its texts.
//!
//! One file of JSON lines: the first states a whole catalog, and each further one what it changed of the one before, or a
//! whole one again. Lines are appended; once there are twice as many as are kept, the older half becomes one whole catalog again. What a
//! process that died wrote of a line is cut off.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::publish::Revision;
use crate::model::instant::UnixTime;

/// The texts of a catalog, by their names below its directory.
pub type Texts = BTreeMap<String, String>;

/// The catalogs that were served.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    file: File,
    kept: usize,
    lines: Vec<Kept>,
    /// Where the next line goes.
    end: u64,
}

/// A catalog that was served.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// Its number.
    pub revision: Revision,
    /// When it went live.
    pub at: UnixTime,
    /// Who made it; `files` where somebody edited them.
    pub actor: String,
    /// What was done.
    pub note: String,
    /// The SHA-256 of its names and texts.
    pub digest: String,
}

/// A line as it is written.
#[derive(Deserialize, Serialize)]
struct Line {
    #[serde(flatten)]
    entry: Entry,
    /// Whether it states a whole catalog.
    whole: bool,
    /// The texts that it changes, and nothing for files that go.
    files: BTreeMap<String, Option<String>>,
}

#[derive(Debug)]
struct Kept {
    entry: Entry,
    start: u64,
    length: usize,
}

impl History {
    /// Opens the history in a file, and keeps so many catalogs. What is no history is set aside.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read or written.
    pub fn open(path: PathBuf, kept: usize) -> io::Result<Self> {
        let kept = kept.max(1);
        let (lines, end) = match read(&path)? {
            Some(read) => read,
            None => {
                fs::rename(&path, path.with_extension("damaged"))?;
                tracing::warn!(path = %path.display(), "the history is damaged and set aside; a new one begins");
                (Vec::new(), 0)
            }
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)?;
        file.set_len(end)?;
        Ok(Self {
            path,
            file,
            kept,
            lines,
            end,
        })
    }

    /// Reads it anew where somebody else wrote to it: a process that takes over, or is being taken over from.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read.
    pub fn catch_up(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() != self.end {
            *self = Self::open(self.path.clone(), self.kept)?;
        }
        Ok(())
    }

    /// Returns the latest.
    pub fn head(&self) -> Option<&Entry> {
        self.lines.last().map(|line| &line.entry)
    }

    /// Lists what is kept, the latest first.
    pub fn list(&self) -> impl Iterator<Item = &Entry> {
        self.lines.iter().rev().take(self.kept).map(|line| &line.entry)
    }

    /// Returns the texts of a catalog that is kept.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read.
    pub fn texts(&self, revision: Revision) -> io::Result<Option<Texts>> {
        let is_meant = |entry: &Entry| entry.revision == revision;
        if !self.list().any(is_meant) {
            return Ok(None);
        }
        let up_to = self
            .lines
            .iter()
            .rposition(|line| is_meant(&line.entry))
            .unwrap_or_default();
        self.replay(up_to).map(Some)
    }

    /// Returns the texts that a catalog changed, as they were in the one before it and as they are; nothing where one of
    /// the two is not kept. No others are held meanwhile.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read.
    pub fn changes(&self, revision: Revision) -> io::Result<Option<(Texts, Texts)>> {
        let first = self.lines.len().saturating_sub(self.kept);
        let at = self.lines.iter().rposition(|line| line.entry.revision == revision);
        let Some((at, kept)) = at
            .filter(|at| *at > first)
            .and_then(|at| Some((at, self.lines.get(at)?)))
        else {
            return Ok(None);
        };
        let line = self.read_line(kept)?;
        let mut before = Texts::new();
        for kept in self.lines.iter().take(at) {
            let mut earlier = self.read_line(kept)?;
            earlier
                .files
                .retain(|name, _| line.whole || line.files.contains_key(name));
            take_in(&mut before, earlier);
        }
        let mut after = before.clone();
        take_in(&mut after, line);
        Ok(Some((before, after)))
    }

    /// Keeps a catalog: what it changed of the one before, or all of it where there is none or it says so.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be written; nothing is kept then.
    pub fn keep(&mut self, entry: Entry, whole: bool, files: BTreeMap<String, Option<String>>) -> io::Result<()> {
        self.append(Line { entry, whole, files })?;
        if self.lines.len() > 2 * self.kept || self.end > MOST_BYTES {
            self.compact()?;
        }
        Ok(())
    }

    fn append(&mut self, line: Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        self.file.write_all_at(&bytes, self.end)?;
        let (start, length) = (self.end, bytes.len());
        self.end += length as u64;
        self.lines.push(Kept {
            entry: line.entry,
            start,
            length,
        });
        Ok(())
    }

    /// Returns the texts after a line.
    fn replay(&self, up_to: usize) -> io::Result<Texts> {
        let mut texts = Texts::new();
        for kept in self.lines.iter().take(up_to + 1) {
            take_in(&mut texts, self.read_line(kept)?);
        }
        Ok(texts)
    }

    fn read_line(&self, kept: &Kept) -> io::Result<Line> {
        let mut bytes = vec![0; kept.length];
        self.file.read_exact_at(&mut bytes, kept.start)?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Makes the oldest catalog that is kept the first line.
    fn compact(&mut self) -> io::Result<()> {
        let keep = if self.end > MOST_BYTES {
            self.kept.min(self.lines.len() / 2).max(1)
        } else {
            self.kept
        };
        let first = self.lines.len().saturating_sub(keep);
        let texts = self.replay(first)?;
        let path = self.path.with_extension("new");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        let mut next = Self {
            path: self.path.clone(),
            file,
            kept: self.kept,
            lines: Vec::new(),
            end: 0,
        };
        for (at, kept) in self.lines.iter().enumerate().skip(first) {
            let mut line = self.read_line(kept)?;
            if at == first {
                line.whole = true;
                line.files = texts
                    .iter()
                    .map(|(name, text)| (name.clone(), Some(text.clone())))
                    .collect();
            }
            next.append(line)?;
        }
        next.file.sync_all()?;
        fs::rename(&path, &self.path)?;
        *self = next;
        Ok(())
    }
}

fn take_in(texts: &mut Texts, line: Line) {
    if line.whole {
        texts.clear();
    }
    for (name, text) in line.files {
        match text {
            Some(text) => texts.insert(name, text),
            None => texts.remove(&name),
        };
    }
}

/// Reads which lines there are, and where the last whole one ends; nothing where it is no history.
fn read(path: &Path) -> io::Result<Option<(Vec<Kept>, u64)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => return Ok(Some((Vec::new(), 0))),
        Err(reason) => return Err(reason),
    };
    let (mut reader, mut lines, mut end) = (BufReader::new(file), Vec::<Kept>::new(), 0);
    loop {
        let mut bytes = Vec::new();
        let length = reader.read_until(b'\n', &mut bytes)?;
        if !bytes.ends_with(b"\n") {
            return Ok(Some((lines, end)));
        }
        match serde_json::from_slice::<Line>(&bytes) {
            Ok(line) if line.whole || !lines.is_empty() => {
                lines.push(Kept {
                    entry: line.entry,
                    start: end,
                    length,
                });
            }
            Ok(_) | Err(_) => return Ok(None),
        }
        end += length as u64;
    }
}

/// A history that grows beyond this keeps fewer catalogs.
const MOST_BYTES: u64 = 256 << 20;
