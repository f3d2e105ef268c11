//! The records of stdin as pieces of text, read ahead on a thread of its own.
//!
//! Always: only a bounded number is read ahead; the last piece counts also without its delimiter.

use std::io::{self, BufRead};

use tokio::sync::mpsc;

/// Pieces that are read ahead.
const LINES_AHEAD: usize = 4096;

/// A piece without what ended it, and how many bytes it took.
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    pub(super) taken: u64,
}

/// Reads stdin; without a delimiter, to the ends of lines.
pub(super) fn read(delimiter: Option<String>) -> mpsc::Receiver<io::Result<Line>> {
    let (sender, receiver) = mpsc::channel(LINES_AHEAD);
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            let line = match next(&mut stdin, delimiter.as_deref()) {
                Ok(None) => return,
                Ok(Some(line)) => Ok(line),
                Err(error) => Err(error),
            };
            let failed = line.is_err();
            if sender.blocking_send(line).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

/// The size of stdin when it is a file.
pub(super) fn size() -> Option<u64> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        let stdin = io::stdin().as_fd().try_clone_to_owned().ok()?;
        let metadata = std::fs::File::from(stdin).metadata().ok()?;
        metadata.is_file().then_some(metadata.len())
    }
    #[cfg(not(unix))]
    None
}

fn next(input: &mut impl BufRead, delimiter: Option<&str>) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let taken = match delimiter {
        None => input.read_until(b'\n', &mut bytes)?,
        Some(delimiter) => read_to(input, delimiter.as_bytes(), &mut bytes)?,
    };
    if taken == 0 {
        return Ok(None);
    }
    match delimiter {
        Some(delimiter) if bytes.ends_with(delimiter.as_bytes()) => {
            bytes.truncate(bytes.len() - delimiter.len());
        }
        None if bytes.last() == Some(&b'\n') => {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        _ => {}
    }
    Ok(Some(Line { bytes, taken: taken as u64 }))
}

/// Reads up to and with the delimiter, which is not empty.
fn read_to(input: &mut impl BufRead, delimiter: &[u8], bytes: &mut Vec<u8>) -> io::Result<usize> {
    let Some(last) = delimiter.last() else { return input.read_to_end(bytes) };
    let mut taken = 0;
    loop {
        let read = input.read_until(*last, bytes)?;
        taken += read;
        if read == 0 || bytes.ends_with(delimiter) {
            return Ok(taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut input: &[u8], delimiter: Option<&str>) -> Vec<String> {
        std::iter::from_fn(|| next(&mut input, delimiter).expect("read"))
            .map(|line| String::from_utf8(line.bytes).expect("text"))
            .collect()
    }

    #[test]
    fn lines_end_as_in_unix_and_in_dos() {
        assert_eq!(all(b"a\nb\r\n\nc", None), ["a", "b", "", "c"]);
        assert_eq!(all(b"", None), Vec::<String>::new());
    }

    #[test]
    fn a_delimiter_may_have_several_bytes() {
        assert_eq!(all(b"a\n;\nb;c\n;", Some("\n;")), ["a", "\nb;c"]);
        assert_eq!(all(b"a\0b\nc\0", Some("\0")), ["a", "b\nc"]);
    }

    #[test]
    fn what_was_taken_counts_the_delimiter_too() {
        let mut input = &b"ab\r\nc"[..];
        let taken = std::iter::from_fn(|| next(&mut input, None).expect("read")).map(|line| line.taken);
        assert_eq!(taken.collect::<Vec<_>>(), [4, 1]);
    }
}
