//! Passwords: read from standard input, or made and shown once.

use std::io::{self, Read};

use uuid::Uuid;

use super::failure::Failure;

/// A password, and whether it was made here.
pub(super) struct Password {
    pub(super) text: String,
    pub(super) is_made: bool,
}

impl Password {
    /// Takes the first line of standard input where it is asked to, and makes one otherwise.
    pub(super) fn obtain(from_stdin: bool) -> Result<Self, Failure> {
        if !from_stdin {
            return Ok(Self {
                text: made(),
                is_made: true,
            });
        }
        let text = read(io::stdin().lock()).map_err(|reason| Failure::broken(&reason))?;
        if text.is_empty() {
            return Err(Failure::refused("standard input holds no password")
                .help("printf %s \"$PASSWORD\" | tollgate user ... --password-stdin"));
        }
        Ok(Self { text, is_made: false })
    }
}

fn read(from: impl Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(LONGEST).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Makes a password of 122 random bits.
fn made() -> String {
    Uuid::new_v4().simple().to_string()
}

/// No password is longer.
const LONGEST: u64 = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line() {
        assert_eq!(read("pass word\nrest".as_bytes()).unwrap(), "pass word");
        assert_eq!(read("x\r\n".as_bytes()).unwrap(), "x");
        assert_eq!(read("".as_bytes()).unwrap(), "");
    }

    #[test]
    fn a_made_password_is_long_and_differs() {
        assert_eq!(made().len(), 32);
        assert_ne!(made(), made());
    }
}
