//! The records of stdin as pieces of text, read ahead on a thread of its own.
//!
//! Always: only so many pieces and so many bytes are read ahead, and a piece is not longer than any record can be; the last
//! piece counts also without its delimiter.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::args::{ProduceArgs, RecordFormat};

/// Pieces that are read ahead.
const LINES_AHEAD: usize = 4096;

/// Bytes of pieces that are read ahead.
const BYTES_AHEAD: u32 = 8 * 1024 * 1024;

/// What a line may have beside key, value and headers.
const BESIDE: usize = 64 * 1024;

/// A piece without what ended it, and how many bytes it took.
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    pub(super) taken: u64,
    /// Its part of the bytes that are read ahead; free again when the line is dropped.
    _room: OwnedSemaphorePermit,
}

/// How many bytes the line of a record can have that the producer takes.
pub(super) fn longest(args: &ProduceArgs, max_request_size: usize) -> usize {
    // The most that a byte of the record is in a line: `\u0000`, `\x00`, `00`.
    let times = match args.format {
        RecordFormat::Json => 6,
        _ if args.headers => 4,
        RecordFormat::Hex => 2,
        RecordFormat::Text => 1,
    };
    max_request_size.saturating_mul(times).saturating_add(BESIDE)
}

/// Reads stdin; without a delimiter, to the ends of lines. A line of more than `longest` bytes is an error, and the last.
pub(super) fn read(delimiter: Option<String>, longest: usize) -> mpsc::Receiver<Result<Line, String>> {
    read_from(|| io::stdin().lock(), delimiter, longest)
}

fn read_from<R: BufRead>(
    open: impl FnOnce() -> R + Send + 'static,
    delimiter: Option<String>,
    longest: usize,
) -> mpsc::Receiver<Result<Line, String>> {
    let (sender, receiver) = mpsc::channel(LINES_AHEAD);
    let room = Arc::new(Semaphore::new(BYTES_AHEAD as usize));
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        let mut input = open();
        loop {
            let line = match next(&mut input, delimiter.as_deref(), longest) {
                Ok(None) => return,
                Ok(Some(piece)) => {
                    let bytes = u32::try_from(piece.bytes.len()).unwrap_or(BYTES_AHEAD).min(BYTES_AHEAD);
                    let Ok(room) = runtime.block_on(room.clone().acquire_many_owned(bytes)) else { return };
                    Ok(Line { bytes: piece.bytes, taken: piece.taken, _room: room })
                }
                Err(why) => Err(why),
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

/// What stands between two ends.
#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    taken: u64,
}

fn next(input: &mut impl BufRead, delimiter: Option<&str>, longest: usize) -> Result<Option<Piece>, String> {
    let mut bytes = Vec::new();
    let end = delimiter.map_or(&b"\n"[..], str::as_bytes);
    let mut input = input.take(longest.saturating_add(end.len()) as u64);
    let taken =
        read_to(&mut input, end, &mut bytes).map_err(|error| format!("stdin could not be read: {error}"))?;
    if taken == 0 {
        return Ok(None);
    }
    match bytes.strip_suffix(end).map(<[u8]>::len) {
        Some(length) => bytes.truncate(length),
        None if input.limit() == 0 => {
            return Err(format!(
                "it has more than {longest} bytes; a record may be as large as max.request.size says (-X max.request.size=BYTES)"
            ));
        }
        None => {}
    }
    if delimiter.is_none() && bytes.len() < taken && bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Some(Piece { bytes, taken: taken as u64 }))
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn all(mut input: &[u8], delimiter: Option<&str>) -> Vec<String> {
        std::iter::from_fn(|| next(&mut input, delimiter, 100).expect("read"))
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
        let taken = std::iter::from_fn(|| next(&mut input, None, 100).expect("read")).map(|line| line.taken);
        assert_eq!(taken.collect::<Vec<_>>(), [4, 1]);
    }

    #[test]
    fn a_line_without_end_filled_the_memory_and_is_refused() {
        for (input, delimiter, good) in [
            (&b"1234\n"[..], None, true),
            (b"1234", None, true),
            (b"12345\n", None, false),
            (b"12345", None, false),
            (b"1234;;", Some(";;"), true),
            (b"1;3;5;;", Some(";;"), false),
        ] {
            let mut endless = input.chain(io::repeat(b'x').take(if good { 0 } else { 1_000 }));
            let mut endless = io::BufReader::new(&mut endless);
            let read = next(&mut endless, delimiter, 4);
            assert_eq!(read.is_ok(), good, "{input:?}: {read:?}");
        }
        let many = io::repeat(b'x');
        let why = next(&mut io::BufReader::new(many), None, 1_000).expect_err("refused");
        assert!(why.starts_with("it has more than 1000 bytes"), "{why}");
    }

    /// Lines of 1 MiB without end, and how many of their bytes were read.
    struct Endless(Arc<AtomicUsize>);

    const MIB: usize = 1024 * 1024;

    impl Read for Endless {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let at = self.0.load(Ordering::Relaxed) % MIB;
            let size = out.len().min(MIB - at);
            out[..size].fill(b'x');
            if size > 0 && at + size == MIB {
                out[size - 1] = b'\n';
            }
            self.0.fetch_add(size, Ordering::Relaxed);
            Ok(size)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn long_lines_were_read_ahead_by_their_number_and_are_by_their_bytes() {
        let read = Arc::new(AtomicUsize::new(0));
        let endless = Endless(read.clone());
        let mut lines = read_from(move || io::BufReader::new(endless), None, 2 * MIB);
        let mut received = 0;
        for _ in 0..40 {
            let line = lines.recv().await.expect("endless").expect("short enough");
            received += line.bytes.len() + 1;
            drop(line);
            // The line that waits for room, and what the input's own buffer holds.
            let most = received + BYTES_AHEAD as usize + 2 * MIB;
            assert!(read.load(Ordering::Relaxed) <= most, "{received} of {read:?}");
        }
    }
}
