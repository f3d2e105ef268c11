//! `moldau log dump`: what is in the files of a log, in the words of Kafka's own dump tool.
//!
//! Always: nothing is changed; a file that can't be read does not keep the others from being shown; a broken batch is exit
//! code 1.

mod json;

use std::cell::Cell;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use moldau_log::dump::{DumpOptions, DumpReport, dump_file};
use moldau_protocol::records::{BatchHeader, RecordView};

use super::decode;
use crate::args::OutputFormat;
use crate::args::log::LogDumpArgs;
use crate::failure::Failure;
use crate::output::unwritten;
use crate::progress::{Progress, Unit};
use crate::settings::Environment;
use crate::stderr::complain;

/// Shows files.
pub(crate) fn dump(args: LogDumpArgs) -> Result<(), Failure> {
    let output = args.output.or(Environment::of_process()?.output);
    let args = &LogDumpArgs { output, ..args };
    let mut out = Out { stdout: BufWriter::with_capacity(64 * 1024, io::stdout().lock()), failed: false };
    let mut bad = false;
    let size = |file: &Path| {
        let whole = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
        args.max_bytes.map_or(whole, |most| whole.min(most))
    };
    let total = args.files.iter().map(|file| size(file)).sum();
    let progress = Progress::start(Unit::Bytes, Some(total), true);
    for file in &args.files {
        let name = file.display().to_string();
        let batches = Cell::new(0);
        let shown = |bytes| {
            batches.set(batches.get() + bytes);
            progress.advance(bytes);
        };
        let dumped = dump_one(args, file, &name, &shown, &mut out);
        progress.advance(size(file).saturating_sub(batches.get()));
        let report = match dumped {
            Ok(report) => report,
            Err(error) if out.failed => return Err(unwritten(error)),
            Err(error) => {
                out.flush().map_err(unwritten)?;
                complain(format_args!("error: {name}: {error}"));
                bad = true;
                continue;
            }
        };
        if report.invalid_batches > 0 || report.trailing_bytes > 0 {
            out.flush().map_err(unwritten)?;
            complain(format_args!(
                "error: {name}: {} batches with a wrong checksum, {} bytes at the end that are no batch",
                report.invalid_batches, report.trailing_bytes
            ));
            bad = true;
        }
    }
    out.flush().map_err(unwritten)?;
    if bad { Err(Failure::Reported) } else { Ok(()) }
}

/// Stdout, and whether it failed: an error of it is none of the file's.
struct Out<W> {
    stdout: W,
    failed: bool,
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdout
            .write(bytes)
            .inspect_err(|error| self.failed |= error.kind() != io::ErrorKind::Interrupted)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush().inspect_err(|_| self.failed = true)
    }
}

/// Shows a file; `shown` is told of the bytes of each batch.
fn dump_one(
    args: &LogDumpArgs,
    file: &Path,
    name: &str,
    shown: &dyn Fn(u64),
    out: &mut dyn Write,
) -> io::Result<DumpReport> {
    let kind = args.kind.unwrap_or_else(|| decode::Kind::of(file));
    if args.output == Some(OutputFormat::Json) {
        return json::dump(args, file, name, kind, shown, out);
    }
    let decoder = |header: &BatchHeader, record: &RecordView<'_>| decode::decode(kind, header, record);
    let options = DumpOptions {
        records: args.deep || args.records,
        data: args.records,
        decoder: Some(&decoder),
        skip_record_metadata: args.skip_record_metadata,
        max_bytes: args.max_bytes,
        shown: Some(shown),
    };
    dump_file(file, name, options, out)
}

#[cfg(test)]
mod tests;
