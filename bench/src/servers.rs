//! The servers under test: started here on processor 0 with their defaults, or running already.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use moldau_protocol::records::Compression;

use crate::driver::{Connection, Produce, batch, create_topic, delete_topic, produce};
use crate::machine;

/// A server that can be measured.
pub(crate) struct Server {
    pub(crate) name: String,
    /// HOST:PORT.
    pub(crate) address: String,
    /// Its process, whose time and memory are read.
    pub(crate) pid: u32,
    recipe: Recipe,
    started: Option<Started>,
}

/// How another server of the same kind is started.
enum Recipe {
    Moldau {
        binary: PathBuf,
        data: PathBuf,
    },
    Kafka {
        data: PathBuf,
    },
    /// Somebody else started it.
    Unknown,
}

/// A process that is ended, and a folder that is removed, with the value.
struct Started {
    process: Child,
    _folder: tempfile::TempDir,
}

/// A server that somebody else started: NAME=HOST:PORT,PID.
#[derive(Clone, Debug)]
pub(crate) struct External {
    name: String,
    address: String,
    pid: u32,
}

impl FromStr for External {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').and_then(|(name, rest)| {
            let (address, pid) = rest.split_once(',')?;
            Some(External { name: name.to_owned(), address: address.to_owned(), pid: pid.parse().ok()? })
        });
        parts.ok_or_else(|| format!("{text} is not NAME=HOST:PORT,PID"))
    }
}

impl External {
    pub(crate) fn as_server(&self) -> Server {
        Server {
            name: self.name.clone(),
            address: self.address.clone(),
            pid: self.pid,
            recipe: Recipe::Unknown,
            started: None,
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Lets a runtime that compiles as it goes do so before anything counts.
    pub(crate) fn warm_up(&self) -> Result<()> {
        let topic = "bench-warm-up";
        create_topic(&self.address, topic, 6)?;
        for (bytes, record, total) in
            [(1_000_000, 1024, 1_000_000_000), (16_000, 100, 200_000_000), (1000, 100, 30_000_000)]
        {
            let batch = batch(bytes, record, Compression::None)?;
            let how =
                Produce { address: &self.address, topic, partitions: 6, connections: 2, in_flight: 5, total };
            produce(&how, &batch)?;
        }
        delete_topic(&self.address, topic)
    }

    /// Another server of this kind that has done nothing yet; none of one that was started elsewhere.
    pub(crate) fn fresh(&self) -> Result<Option<Server>> {
        let fresh = match &self.recipe {
            Recipe::Moldau { binary, data } => moldau(binary, data)?,
            Recipe::Kafka { data } => kafka(data)?,
            Recipe::Unknown => return Ok(None),
        };
        machine::pin_to(machine::DRIVER_CPU)?;
        Ok(Some(fresh))
    }

    /// Ends the process if it was started here.
    pub(crate) fn stop(&mut self) {
        self.started = None;
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts the process on the servers' processor and waits until it accepts connections.
fn start(
    name: &str,
    recipe: Recipe,
    mut command: Command,
    folder: tempfile::TempDir,
    port: u16,
) -> Result<Server> {
    let log = std::fs::File::create(folder.path().join("log"))?;
    machine::pin_to(machine::SERVER_CPU)?; // the child has it from us
    let started = command.stdout(Stdio::null()).stderr(log).spawn();
    let mut process = started.with_context(|| format!("starting {name}: {command:?}"))?;
    let address = format!("127.0.0.1:{port}");
    let until = Instant::now() + Duration::from_secs(60);
    while Connection::open(&address).is_err() {
        if let Some(status) = process.try_wait()? {
            let said = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            bail!("{name} ended with {status}: {said}");
        }
        if Instant::now() > until {
            let _ = process.kill();
            bail!("{name} did not listen within a minute");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = process.id();
    let started = Some(Started { process, _folder: folder });
    Ok(Server { name: name.to_owned(), address, pid, recipe, started })
}

fn folder(data: &Path, name: &str) -> Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(name).tempdir_in(data).context("a folder for a server's data")
}

/// Starts the node.
pub(crate) fn moldau(binary: &Path, data: &Path) -> Result<Server> {
    if !binary.exists() {
        bail!("{} is not there: build it with `cargo build --profile dist --bin moldau`", binary.display());
    }
    let (folder, port) = (folder(data, "moldau-")?, free_port()?);
    let mut command = Command::new(binary);
    command.arg("serve").arg("--data").arg(folder.path().join("data"));
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--set", "log.segment.delete.delay.ms=500"]);
    let recipe = Recipe::Moldau { binary: binary.to_owned(), data: data.to_owned() };
    start("Moldau", recipe, command, folder, port)
}

/// Starts Apache Kafka as one combined node, with a heap of 1 GB, from its published jars.
pub(crate) fn kafka(data: &Path) -> Result<Server> {
    let jars = jars()?;
    let (folder, port, controller) = (folder(data, "kafka-")?, free_port()?, free_port()?);
    let logs = folder.path().join("data");
    let properties = folder.path().join("server.properties");
    std::fs::write(
        &properties,
        format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             controller.listener.names=CONTROLLER\nlog.dirs={}\noffsets.topic.replication.factor=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             log.segment.delete.delay.ms=500\n",
            logs.display()
        ),
    )?;
    let java = |arguments: &[&str]| {
        let mut command = Command::new("java");
        command.args(arguments).arg("-cp").arg(jars.join("*"));
        command
    };
    let formatted = java(&["-Xmx256m"])
        .args(["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c"])
        .arg(&properties)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("java: Apache Kafka needs Java 17; --no-kafka leaves it out")?;
    if !formatted.success() {
        bail!("Apache Kafka's storage tool failed with {formatted}");
    }
    let mut command = java(&[
        "-Xms1G",
        "-Xmx1G",
        "-server",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
        "-XX:InitiatingHeapOccupancyPercent=35",
    ]);
    command.arg("kafka.Kafka").arg(&properties);
    start("Apache Kafka", Recipe::Kafka { data: data.to_owned() }, command, folder, port)
}

/// The folder of Apache Kafka's jars, which `tests/compat` uses too; Maven fetches them at first use.
fn jars() -> Result<PathBuf> {
    let jars = std::path::absolute("target/compat/jars")?;
    if !jars.join("kafka_2.13-4.3.1.jar").exists() {
        let status = Command::new("mvn")
            .args(["-q", "-B", "-f", "tests/compat/java/pom.xml", "dependency:copy-dependencies"])
            .arg(format!("-DoutputDirectory={}", jars.display()))
            .status()
            .context("mvn: Apache Kafka's jars come through Maven; --no-kafka leaves it out")?;
        if !status.success() {
            bail!("Maven could not fetch Apache Kafka: {status}");
        }
    }
    Ok(jars)
}
