//! `cargo xtask bench`: a node of this checkout, Apache Kafka and the kernel's floor take turns at the same work, and
//! what the server spends on it is printed as a table, with ratios.
//!
//! What always holds: a server runs on processor 0 and the driver on processor 1; the driver's requests are built once
//! and their answers are checked for errors, so that the server is what is measured; figures are medians of interleaved
//! turns; what a turn wrote is deleted before the next.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

mod chart;
mod driver;
mod floor;
mod machine;
mod publish;
mod report;
mod rows;
mod servers;

use report::{FLOOR, Report};
use rows::ROWS;
use servers::{External, Server};

/// Measures servers side by side on the same work.
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// Rows to run, all without any; --list names them
    rows: Vec<String>,
    /// Names the rows and what each does
    #[arg(long)]
    list: bool,
    /// Interleaved turns of each row
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Part of each row's bytes and time: 0.1 for a quick look
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// The node's binary
    #[arg(long, default_value = "target/dist/moldau")]
    moldau: PathBuf,
    /// Leaves the node of this checkout out
    #[arg(long)]
    no_moldau: bool,
    /// Leaves Apache Kafka out (it needs Java, and Maven to fetch it)
    #[arg(long)]
    no_kafka: bool,
    /// Another server that runs already, pinned to processor 0 by whoever started it
    #[arg(long, value_name = "NAME=HOST:PORT,PID")]
    server: Vec<External>,
    /// Measures at once, without moving a gigabyte through each server before
    #[arg(long)]
    no_warm_up: bool,
    /// Folder for the servers' data and the floor's file, on the disk to be measured
    #[arg(long, default_value = "target/bench")]
    data: PathBuf,
    /// Writes the comparison to this file as a chart
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Writes every turn's figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the tables of README.md and docs/performance.md, and docs/performance.svg; run from the repository's root
    #[arg(long)]
    publish: bool,
    /// Measures nothing and takes the figures of a file that --json wrote
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// The serving half of the floor, started by the benchmark itself
    #[command(hide = true)]
    FloorServer(floor::ServerArgs),
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(Part::FloorServer(floor)) = args.part {
        return floor::serve(&floor);
    }
    if args.list {
        for row in ROWS {
            println!("{:<14} {}", row.name, row.what);
        }
        return Ok(());
    }
    let (report, how) = match &args.from {
        Some(path) => read(path)?,
        None => {
            let report = measure(&args)?;
            let (turns, scale, machine) = (report.turns(), args.scale, machine::description()?);
            (report, format!("{turns} interleaved turns at `--scale {scale}` on {machine}."))
        }
    };
    print!("{}", report.table(|_| true));
    if let Some(path) = &args.json {
        let mut figures = report.json();
        figures["how"] = how.as_str().into();
        std::fs::write(path, format!("{figures:#}\n"))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    if let Some(path) = &args.svg {
        std::fs::write(path, chart::svg(&report)).with_context(|| format!("writing {}", path.display()))?;
    }
    if args.publish {
        publish::publish(Path::new("."), &report, &how)?;
    }
    Ok(())
}

/// The figures of a file that --json wrote, and how they were made.
fn read(path: &Path) -> Result<(Report, String)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let value: serde_json::Value = serde_json::from_str(&text)?;
    let report =
        Report::from_json(&value).with_context(|| format!("{} is no file of --json", path.display()))?;
    Ok((report, value["how"].as_str().unwrap_or_default().to_owned()))
}

fn measure(args: &Args) -> Result<Report> {
    let rows = rows::chosen(&args.rows)?;
    machine::raise_descriptor_limit();
    std::fs::create_dir_all(&args.data).with_context(|| format!("making {}", args.data.display()))?;
    let mut servers = start_servers(args)?;
    if servers.is_empty() {
        bail!("there is nothing to measure: every server was left out");
    }
    machine::pin_to(machine::DRIVER_CPU)?;
    for server in &servers {
        if !args.no_warm_up {
            eprintln!("warming up {}", server.name);
            server.warm_up()?;
        }
    }
    let mut report = Report::default();
    for row in rows {
        for turn in 0..args.turns {
            eprintln!("{} {}/{}", row.name, turn + 1, args.turns);
            if let Some(floor) = row.floor {
                report.add(row, FLOOR, floor.measure(&args.data, args.scale)?);
            }
            // Whoever comes first finds the quieter disk, so they take turns at that too.
            let count = servers.len();
            for n in 0..count {
                let server = &servers[(turn + n) % count];
                report.add(row, &server.name, row.measure(server, turn, args.scale)?);
            }
        }
    }
    for server in &mut servers {
        report.note_memory(&server.name, machine::resident_bytes(server.pid)?);
        server.stop();
    }
    Ok(report)
}

fn start_servers(args: &Args) -> Result<Vec<Server>> {
    let mut servers = Vec::new();
    if !args.no_kafka {
        servers.push(servers::kafka(&args.data)?);
    }
    if !args.no_moldau {
        servers.push(servers::moldau(&args.moldau, &args.data)?);
    }
    servers.extend(args.server.iter().map(External::as_server));
    Ok(servers)
}
