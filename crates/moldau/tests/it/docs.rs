//! Every `moldau` command that the documents show is run, in the order in which it stands there, against one node a document.
//! Of commands of Kafka's tools and of `cargo xtask` it is seen in `other_commands` that they are there.
//!
//! A command is a line of an indented or `sh` block in which `moldau` is called. Lines with `…` or `[--` show a shape and are no
//! commands. What runs on and on is stopped by a signal: a node when it listens, a consumer when it has printed something.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::node::{Directory, Served, output_in_time};

/// The times of the examples are long gone.
const KEEP: &str = "log.retention.ms=-1";

/// A command with the line of the document it stands in.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    line: usize,
    text: String,
}

fn commands(document: &str) -> Vec<Shown> {
    let mut found = Vec::new();
    let mut fence: Option<bool> = None;
    let mut after_blank = true;
    let mut indented = false;
    for (at, line) in document.lines().enumerate() {
        if let Some(language) = line.strip_prefix("```") {
            fence = match fence {
                None => Some(matches!(language.trim(), "sh" | "bash" | "console")),
                Some(_) => None,
            };
            continue;
        }
        let is_code = match fence {
            Some(is_shell) => is_shell,
            None => {
                indented = line.starts_with("    ") && (indented || after_blank);
                after_blank = line.trim().is_empty();
                indented
            }
        };
        let text = line.trim().replace("target/release/moldau", "moldau");
        let calls = text.starts_with("moldau ") || text.contains("| moldau ");
        if is_code && calls && !text.contains('…') && !text.contains("[--") {
            found.push(Shown { line: at + 1, text });
        }
    }
    found
}

/// Where the commands of a document are run.
struct Stage {
    directory: Directory,
    node: Served,
    document: &'static str,
}

impl Stage {
    fn new(document: &'static str) -> Self {
        let directory = Directory::new(&format!("docs-{}", document.replace('/', "-")));
        let root = &directory.0;
        let flights: String =
            (0..400).map(|number| format!("N{:05}:EWR-IAH {number}\n", number % 7)).collect();
        fs::write(root.join("flights.txt"), flights).expect("written");
        fs::create_dir_all(root.join(".local/share/bash-completion/completions")).expect("made");
        let offsets = r#"{"partitions": [{"topic": "flights", "partition": 0, "offset": -1}], "version": 1}"#;
        fs::write(root.join("offsets.json"), offsets).expect("written");
        fs::write(root.join("server.properties"), "num.partitions=3\n").expect("written");
        let node = Served::start(&root.join("moldau-data"), &["--set", KEEP]);
        Self { directory, node, document }
    }

    fn shell(&self, text: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_moldau"));
        let directory = binary.parent().expect("it lies somewhere").display();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("bash");
        shell
            .args(["-c", &format!("set -eo pipefail\n{text}")])
            .current_dir(&self.directory.0)
            .env("PATH", format!("{directory}:{path}"))
            .env("HOME", &self.directory.0)
            .env("MOLDAU_BOOTSTRAP_SERVER", &self.node.address)
            .stdin(Stdio::null())
            .process_group(0);
        for variable in ["MOLDAU_CONFIG", "MOLDAU_PROFILE", "MOLDAU_OUTPUT", "MOLDAU_LOG", "XDG_CONFIG_HOME"]
        {
            shell.env_remove(variable);
        }
        shell
    }

    fn run(&self, shown: &Shown) {
        let place = format!("{}:{}: {}", self.document, shown.line, shown.text);
        if shown.text.starts_with("moldau serve") {
            self.serve(shown, &place);
        } else if runs_on(&shown.text) {
            self.consume(shown, &place);
        } else {
            let piped = || Stdio::piped();
            let child = self.shell(&shown.text).stdout(piped()).stderr(piped()).spawn().expect("a shell");
            let output = output_in_time(child, &place);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{place}\n{}{stderr}", String::from_utf8_lossy(&output.stdout));
        }
    }

    /// Starts another node as it is shown, but where there is room for it, and stops it.
    fn serve(&self, shown: &Shown, place: &str) {
        let command = shown.text.split(" #").next().unwrap_or_default();
        let text = format!("exec {command} --data other-data --listen 127.0.0.1:0");
        let text = text.replace("--data ./moldau-data", "").replace("--listen 127.0.0.1:9092", "");
        let text = text.replace("0.0.0.0:9092", "127.0.0.1:0");
        let mut child = self.shell(&text).stderr(Stdio::piped()).spawn().expect("a shell");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("listening")), "{place}");
        stop(&mut child, place);
    }

    fn consume(&self, shown: &Shown, place: &str) {
        let mut child =
            self.shell(&format!("exec {}", shown.text)).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut byte = [0];
        child
            .stdout
            .as_mut()
            .expect("a pipe")
            .read_exact(&mut byte)
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        stop(&mut child, place);
    }
}

/// Whether a command reads on as records come.
fn runs_on(text: &str) -> bool {
    let ends = ["--exit-at-end", "--count", "--to ", "--timeout", " -e", " -n "];
    text.starts_with("moldau consume") && ends.iter().all(|end| !text.contains(end))
}

fn stop(child: &mut Child, place: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("it runs").success());
    assert!(child.wait().expect("it ends").success(), "{place}");
}

fn run_all(document: &'static str, least: usize) {
    run_on(&Stage::new(document), document, least);
}

fn run_on(stage: &Stage, document: &str, least: usize) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(document);
    let shown = commands(&fs::read_to_string(path).expect("the document"));
    assert!(shown.len() >= least, "{document} shows only {} commands", shown.len());
    for command in &shown {
        stage.run(command);
    }
}

#[test]
fn every_command_of_the_command_line_document_works() {
    run_all("docs/command-line.md", 30);
}

#[test]
fn every_command_of_the_readme_works() {
    run_all("README.md", 8);
}

#[test]
fn every_command_of_getting_started_works() {
    run_all("docs/getting-started.md", 5);
}

/// As [`run_all`], after what the reader of the page has done already.
fn run_all_later(document: &'static str, least: usize) {
    let stage = Stage::new(document);
    stage.node.good(&["topic", "create", "flights", "-p", "2"], "");
    stage.node.good(&["produce", "flights"], "EWR-IAH\nLGA-IAH\n");
    stage.node.good(&["consume", "flights", "-g", "boards", "-n", "2"], "");
    run_on(&stage, document, least);
}

#[test]
fn every_command_of_the_other_pages_works() {
    run_all_later("docs/operations.md", 8);
    run_all_later("docs/operations/disks.md", 3);
    run_all_later("docs/operations/monitoring.md", 1);
    run_all_later("docs/operations/security.md", 1);
    run_all_later("docs/operations/upgrade-and-backup.md", 3);
    run_all_later("docs/formats.md", 4);
    run_all_later("docs/durability.md", 2);
}

#[test]
fn commands_are_found_in_their_blocks_only() {
    let document = "\
Text with moldau topic list in it.

    moldau topic list      # a comment
    kafka-topics.sh --list
    moldau serve [--config FILE]
    printf x | moldau produce t

- a list
    moldau no command

```sh
moldau cluster
```

```toml
moldau = 1
moldau topic list
```

    target/release/moldau serve
";
    let found: Vec<(usize, String)> =
        commands(document).into_iter().map(|shown| (shown.line, shown.text)).collect();
    let wanted = [
        (3, "moldau topic list      # a comment"),
        (6, "printf x | moldau produce t"),
        (12, "moldau cluster"),
        (20, "moldau serve"),
    ];
    assert_eq!(found, wanted.map(|(line, text)| (line, text.to_owned())));
}
