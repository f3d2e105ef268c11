//! What the kernel alone costs for the same bytes, as a limit to hold a server's processor time against.
//!
//! - `produce`: read a frame, check CRC-32C over it, append it to a file, answer 60 bytes.
//! - `consume`: read 60 bytes, answer with `sendfile`.
//! - `zstd`: what decompressing a batch alone costs.
//!
//! The serving half is a process of its own, this program started again, which reports the processor time that it used.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use moldau_protocol::records::{BatchView, Compression};
use rustix::time::{ClockId, clock_gettime};

use crate::driver::batch;
use crate::machine;

/// What a request for data, and an acknowledgement, are here.
const SMALL_BYTES: usize = 60;
/// Frames that the driving half has in flight.
const WINDOW: u64 = 4;

/// A row's floor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Floor {
    /// Frames of this size are received, checked and written, this many bytes in all.
    Produce { frame: u64, total: u64 },
    /// Frames of this size are sent from a file, this many bytes in all.
    Consume { frame: u64, total: u64 },
    /// A batch of 1 MB is decompressed, this many uncompressed bytes in all.
    Zstd { total: u64 },
}

/// The serving half's task.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServerArgs {
    /// Frames are sent and not received
    #[arg(long)]
    consume: bool,
    #[arg(long)]
    frame: u64,
    #[arg(long)]
    count: u64,
    #[arg(long)]
    file: PathBuf,
}

impl Floor {
    /// Processor seconds a gigabyte.
    pub(crate) fn measure(self, folder: &Path, scale: f64) -> Result<f64> {
        let scaled = |total: u64| ((total as f64 * scale) as u64).max(1);
        match self {
            Floor::Produce { frame, total } => {
                move_frames(folder, false, frame, scaled(total).div_ceil(frame))
            }
            Floor::Consume { frame, total } => {
                move_frames(folder, true, frame, scaled(total).div_ceil(frame))
            }
            Floor::Zstd { total } => decompress(scaled(total)),
        }
    }
}

fn move_frames(folder: &Path, consume: bool, frame: u64, count: u64) -> Result<f64> {
    let file = tempfile::NamedTempFile::new_in(folder).context("the floor's file")?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("floor-server").args(["--frame", &frame.to_string(), "--count", &count.to_string()]);
    command.arg("--file").arg(file.path()).stdout(Stdio::piped());
    if consume {
        command.arg("--consume");
    }
    let mut child = command.spawn().context("starting the floor's server")?;
    let mut said = BufReader::new(child.stdout.take().context("no output of the floor's server")?).lines();
    let mut next_line = || said.next().context("the floor's server said nothing")?.context("reading");
    let moved = next_line().and_then(|port| drive(&port, consume, frame, count));
    let used = moved.and_then(|()| next_line());
    let status = child.wait()?;
    let used: f64 = used?.parse()?;
    if !status.success() {
        bail!("the floor's server failed");
    }
    Ok(used / ((frame * count) as f64 / 1e9))
}

fn drive(port: &str, consume: bool, frame: u64, count: u64) -> Result<()> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.set_nodelay(true)?;
    let mut large = vec![b'x'; frame as usize];
    let mut small = [0; SMALL_BYTES];
    let (mut sent, mut received) = (0, 0);
    while received < count {
        while sent < count && sent < received + WINDOW {
            stream.write_all(if consume { &small } else { &large })?;
            sent += 1;
        }
        stream.read_exact(if consume { &mut large } else { &mut small })?;
        received += 1;
    }
    Ok(())
}

/// The serving half: prints its port, serves one connection, prints its processor seconds.
pub(crate) fn serve(args: &ServerArgs) -> Result<()> {
    machine::pin_to(machine::SERVER_CPU)?;
    let mut buffer = vec![b'x'; args.frame as usize];
    if args.consume {
        let mut file = File::create(&args.file)?;
        (0..args.count).try_for_each(|_| file.write_all(&buffer))?;
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let before = used();
    let mut small = [0; SMALL_BYTES];
    if args.consume {
        let file = File::open(&args.file)?;
        let mut position = 0;
        for _ in 0..args.count {
            stream.read_exact(&mut small)?;
            let mut left = args.frame as usize;
            while left > 0 {
                left -= rustix::fs::sendfile(&stream, &file, Some(&mut position), left)?;
            }
        }
    } else {
        let mut file = File::create(&args.file)?;
        for _ in 0..args.count {
            stream.read_exact(&mut buffer)?;
            std::hint::black_box(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &buffer));
            file.write_all(&buffer)?;
            stream.write_all(&small)?;
        }
    }
    println!("{}", (used() - before).as_secs_f64());
    Ok(())
}

/// Processor time of this process.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn decompress(total: u64) -> Result<f64> {
    let batch = batch(1_000_000, 1024, Compression::Zstd)?;
    let payload = BatchView::parse(&batch.bytes)?.payload();
    let mut context = zstd::bulk::Decompressor::new()?;
    let mut out = vec![0; batch.plain_bytes];
    let mut done = 0;
    let before = used();
    while done < total {
        done += std::hint::black_box(context.decompress_to_buffer(payload, &mut out)?) as u64;
    }
    Ok((used() - before).as_secs_f64() / (done as f64 / 1e9))
}
