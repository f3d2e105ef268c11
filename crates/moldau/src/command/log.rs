//! `moldau log dump`: what is in the files of a log, in the words of Kafka's own dump tool.
//!
//! Always: nothing is changed; a file that can't be read does not keep the others from being shown; a broken batch is exit
//! code 1.

pub(crate) mod decode;

use std::io::{self, BufWriter, Write};
use std::path::Path;

use moldau_log::dump::{DumpOptions, DumpReport, dump_file};
use moldau_protocol::records::{BatchHeader, RecordView};

use crate::args::{LogArgs, LogCommand, LogDumpArgs};
use crate::failure::Failure;
use crate::progress::{Progress, Unit};

pub(crate) fn run(args: LogArgs) -> Result<(), Failure> {
    match args.command {
        LogCommand::Dump(args) => dump(&args),
    }
}

fn dump(args: &LogDumpArgs) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let mut bad = false;
    let size = |file: &Path| std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    let total = args.files.iter().map(|file| size(file)).sum();
    let progress = Progress::start(Unit::Bytes, Some(total), true);
    for file in &args.files {
        let name = file.display().to_string();
        let dumped = dump_one(args, file, &name, &mut out);
        progress.advance(size(file));
        let report = match dumped {
            Ok(report) => report,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(error.into()),
            Err(error) => {
                out.flush()?;
                eprintln!("error: {name}: {error}");
                bad = true;
                continue;
            }
        };
        if report.invalid_batches > 0 || report.trailing_bytes > 0 {
            out.flush()?;
            eprintln!(
                "error: {name}: {} batches with a wrong checksum, {} bytes at the end that are no batch",
                report.invalid_batches, report.trailing_bytes
            );
            bad = true;
        }
    }
    out.flush()?;
    if bad { Err(Failure::Reported) } else { Ok(()) }
}

fn dump_one(args: &LogDumpArgs, file: &Path, name: &str, out: &mut dyn Write) -> io::Result<DumpReport> {
    let kind = args.kind.unwrap_or_else(|| decode::Kind::of(file));
    let decoder = |header: &BatchHeader, record: &RecordView<'_>| decode::decode(kind, header, record);
    let options = DumpOptions {
        records: args.deep || args.records,
        data: args.records,
        decoder: Some(&decoder),
        skip_record_metadata: args.skip_record_metadata,
        max_bytes: args.max_bytes,
    };
    dump_file(file, name, options, out)
}

#[cfg(test)]
mod tests;
