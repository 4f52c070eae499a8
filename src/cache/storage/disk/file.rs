//! A stored response as a file: what is written, and what is believed of what is read.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `TGCACHE` and the version of the format |
//! | 4, 8 | lengths of head and body, little-endian |
//! | 8, 8 | SipHash-1-3 of those lengths and the head, and of the body |
//! | | head: address, key, labels and Pingora's `CacheMeta`, by postcard |
//! | | body |
//!
//! Whatever does not agree with its checksums, its lengths or the version is damage, not a response.

use std::fs::{self, File, OpenOptions};
use std::hash::Hasher;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bytes::Bytes;
use pingora_cache::CacheMeta;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use super::super::address::Address;
use super::super::body::Body;
use super::super::entry::{Entry, Sheet};
use super::super::labels::Labels;
use super::super::meta::Meta;
use super::super::purge::Standing;

/// What a file says before its body.
#[derive(Deserialize, Serialize)]
pub(super) struct Head {
    pub(super) address: Address,
    pub(super) labels: Labels,
    key: Vec<u8>,
    internal: Vec<u8>,
    header: Vec<u8>,
}

/// Why a file could not be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is not what was written.
    Damaged,
    /// The file system refused.
    Failed(io::Error),
}

/// Writes a response to a new file of the process's own.
pub(super) fn write(path: &Path, entry: &Entry) -> io::Result<()> {
    let head = encode(entry.sheet()).ok_or_else(|| io::Error::other("the head cannot be written"))?;
    let mut file = BufWriter::new(
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?,
    );
    let body = entry.body();
    let lengths = Lengths {
        head: u32::try_from(head.len()).map_err(io::Error::other)?,
        body: body.len() as u64,
    };
    let mut sum = SipHasher13::new();
    body.pieces().iter().for_each(|piece| sum.write(piece));
    file.write_all(MAGIC)?;
    file.write_all(&lengths.head.to_le_bytes())?;
    file.write_all(&lengths.body.to_le_bytes())?;
    file.write_all(&lengths.sum(&head).to_le_bytes())?;
    file.write_all(&sum.finish().to_le_bytes())?;
    file.write_all(&head)?;
    for piece in body.pieces() {
        file.write_all(piece)?;
    }
    file.flush()
}

/// A file that is open behind its head.
pub(super) struct Opened {
    file: File,
    head: Head,
    body: u64,
    sum: u64,
}

/// Opens a file and believes its head.
pub(super) fn open(path: &Path) -> Result<Opened, Unread> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if take(&mut file)? != *MAGIC {
        return Err(Unread::Damaged);
    }
    let lengths = Lengths {
        head: u32::from_le_bytes(take(&mut file)?),
        body: u64::from_le_bytes(take(&mut file)?),
    };
    let sums = [
        u64::from_le_bytes(take(&mut file)?),
        u64::from_le_bytes(take(&mut file)?),
    ];
    let whole = FIXED
        .checked_add(lengths.head.into())
        .and_then(|sum| sum.checked_add(lengths.body));
    if lengths.head > MOST_HEAD || whole != Some(length) {
        return Err(Unread::Damaged);
    }
    let mut head = vec![0; lengths.head as usize];
    file.read_exact(&mut head)?;
    let [expected, sum] = sums;
    if lengths.sum(&head) != expected {
        return Err(Unread::Damaged);
    }
    Ok(Opened {
        file,
        head: postcard::from_bytes(&head).map_err(|_| Unread::Damaged)?,
        body: lengths.body,
        sum,
    })
}

impl Opened {
    /// Returns the head.
    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// Reads the body; the response stands with the purges as it is said to.
    pub(super) fn read(mut self, standing: Standing) -> Result<(Sheet, Body), Unread> {
        let mut pieces = Vec::new();
        let mut sum = SipHasher13::new();
        while self.body > 0 {
            let size = self.body.min(PIECE);
            let mut piece = vec![0; usize::try_from(size).map_err(|_| Unread::Damaged)?];
            self.file.read_exact(&mut piece)?;
            sum.write(&piece);
            pieces.push(Bytes::from(piece));
            self.body -= size;
        }
        if sum.finish() != self.sum {
            return Err(Unread::Damaged);
        }
        let meta = CacheMeta::deserialize(&self.head.internal, &self.head.header).map_err(|_| Unread::Damaged)?;
        let sheet = Sheet {
            address: self.head.address,
            key: self.head.key.into(),
            meta: Meta::of(&meta).map_err(|_| Unread::Damaged)?,
            labels: self.head.labels,
            standing,
            shelf: None,
        };
        Ok((sheet, Body::new(pieces)))
    }
}

/// The lengths that a file states.
struct Lengths {
    head: u32,
    body: u64,
}

impl Lengths {
    fn sum(&self, head: &[u8]) -> u64 {
        let mut sum = SipHasher13::new();
        sum.write(&self.head.to_le_bytes());
        sum.write(&self.body.to_le_bytes());
        sum.write(head);
        sum.finish()
    }
}

fn encode(sheet: &Sheet) -> Option<Vec<u8>> {
    let (internal, header) = sheet.meta.revive(None).serialize().ok()?;
    let head = Head {
        address: sheet.address,
        labels: sheet.labels.clone(),
        key: sheet.key.to_vec(),
        internal,
        header,
    };
    postcard::to_stdvec(&head).ok()
}

fn take<const N: usize>(file: &mut File) -> Result<[u8; N], Unread> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Removes a file that may be gone already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Damaged
        } else {
            Self::Failed(error)
        }
    }
}

const MAGIC: &[u8; 8] = b"TGCACHE\x01";

/// The bytes before the head.
const FIXED: u64 = 8 + 4 + 8 + 8 + 8;

/// No head is larger: those of responses are bounded far below.
const MOST_HEAD: u32 = 4 << 20;

/// The body is read in pieces of so many bytes, each of which is one write to a caller.
const PIECE: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use pingora_cache::key::CacheKey;
    use pingora_http::ResponseHeader;

    use super::super::super::purge::Stamp;
    use super::*;

    fn entry() -> std::sync::Arc<Entry> {
        let mut header = ResponseHeader::build(200, None).unwrap();
        header.append_header("X-Name", "value").unwrap();
        let fresh = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
        let meta = CacheMeta::new(fresh, SystemTime::UNIX_EPOCH, 1, 2, header);
        let key = CacheKey::new("key", "");
        let sheet = Sheet {
            address: Address::of(&key),
            key: key.primary_key().into(),
            meta: Meta::of(&meta).unwrap(),
            labels: Labels::default(),
            standing: Standing::at(Stamp::default()),
            shelf: None,
        };
        let pieces = vec![Bytes::from(vec![1; 70_000]), Bytes::from_static(b"end")];
        Entry::new(sheet, Body::new(pieces))
    }

    fn read(path: &Path) -> Result<(Sheet, Body), Unread> {
        open(path)?.read(Standing::at(Stamp::default()))
    }

    #[test]
    fn what_is_written_is_read_and_any_damage_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let entry = entry();
        write(&path, &entry).unwrap();
        let (sheet, body) = read(&path).unwrap();
        assert_eq!((sheet.address, &sheet.key), (entry.sheet().address, &entry.sheet().key));
        assert_eq!(body.pieces().concat(), entry.body().pieces().concat());
        let good = fs::read(&path).unwrap();
        // Every byte but the middle of the body, and every bit of some.
        let places = (0..400).chain((400..good.len()).step_by(997));
        for place in places {
            let mut bad = good.clone();
            bad[place] ^= 1 << (place % 8);
            fs::write(&path, &bad).unwrap();
            assert!(matches!(read(&path), Err(Unread::Damaged)), "{place}");
            fs::write(&path, &good[..place]).unwrap();
            assert!(matches!(read(&path), Err(Unread::Damaged)), "{place}");
        }
        fs::write(&path, [&*good, b"x"].concat()).unwrap();
        assert!(matches!(read(&path), Err(Unread::Damaged)));
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        let error = write(Path::new("/dev/full"), &entry()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
