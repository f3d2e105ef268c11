//! Which layer wins, and what is refused.

use std::fs;

use super::environment::ProfilesFile;
use super::*;

fn args(
    bootstrap: Option<&str>,
    profile: Option<&str>,
    file: Option<&Path>,
    pairs: &[(&str, &str)],
) -> ClusterArgs {
    ClusterArgs {
        bootstrap_server: bootstrap.map(str::to_owned),
        profile: profile.map(str::to_owned),
        command_config: file.map(Path::to_owned),
        property: pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        output: None,
    }
}

/// A configuration file with two profiles, of which `home` is the default, and a client's file beside it.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let text = r#"
default_profile = "home"
[profiles.home]
bootstrap_server = "home:1"
output = "json"
[profiles.work]
bootstrap_server = "work:1,work:2"
command_config = "client.properties"
properties = { "request.timeout.ms" = 7000, "acks" = "all" }
"#;
    fs::write(directory.path().join("config.toml"), text).expect("written");
    fs::write(
        directory.path().join("client.properties"),
        "request.timeout.ms=1\nretry.backoff.ms=33\nacks=1\n",
    )
    .expect("written");
    directory
}

fn environment(directory: &tempfile::TempDir, variables: &[(&str, &str)]) -> Environment {
    let file = directory.path().join("config.toml").display().to_string();
    Environment::of(|name| match name {
        "MOLDAU_CONFIG" => Some(file.clone()),
        name => variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
    })
    .expect("good variables")
}

fn servers(args: &ClusterArgs, environment: &Environment) -> Vec<String> {
    let settings = Settings::of(args, environment, &[Kind::Admin]).expect("good settings");
    settings.common().expect("good keys").bootstrap_servers
}

#[test]
fn the_nearer_layer_wins() {
    let directory = directory();
    let nothing = args(None, None, None, &[]);
    let bare = environment(&directory, &[]);
    assert_eq!(servers(&nothing, &bare), ["home:1"]);
    let named = environment(&directory, &[("MOLDAU_PROFILE", "work")]);
    assert_eq!(servers(&nothing, &named), ["work:1", "work:2"]);
    let addressed =
        environment(&directory, &[("MOLDAU_PROFILE", "work"), ("MOLDAU_BOOTSTRAP_SERVER", "env:1")]);
    assert_eq!(servers(&nothing, &addressed), ["env:1"]);
    // A profile on the command line is nearer than an address in the environment.
    assert_eq!(servers(&args(None, Some("work"), None, &[]), &addressed), ["work:1", "work:2"]);
    assert_eq!(servers(&args(None, Some("work"), None, &[(BOOTSTRAP, "x:1")]), &addressed), ["x:1"]);
    assert_eq!(servers(&args(Some("b:1"), Some("work"), None, &[(BOOTSTRAP, "x:1")]), &addressed), ["b:1"]);
}

#[test]
fn a_profile_brings_a_file_keys_and_the_output() {
    let directory = directory();
    let settings =
        Settings::of(&args(None, Some("work"), None, &[]), &environment(&directory, &[]), &[Kind::Producer])
            .expect("good settings");
    let config = settings.producer().expect("good keys");
    assert_eq!(config.common.request_timeout.as_millis(), 7000);
    assert_eq!(config.common.retry_backoff.as_millis(), 33);
    assert_eq!(config.acks, moldau_client::Acks::All);
    assert_eq!(settings.output, OutputFormat::Table);
    let home = Settings::of(&args(None, None, None, &[]), &environment(&directory, &[]), &[Kind::Admin]);
    assert_eq!(home.expect("good settings").output, OutputFormat::Json);
    // The producer's key of the profile is no mistake of a command that only administers.
    assert_eq!(servers(&args(None, Some("work"), None, &[]), &environment(&directory, &[])).len(), 2);
}

#[test]
fn an_unknown_profile_names_those_there_are() {
    let directory = directory();
    let error =
        Settings::of(&args(None, Some("prod"), None, &[]), &environment(&directory, &[]), &[Kind::Admin])
            .expect_err("no such profile");
    assert!(matches!(&error, Failure::Usage(text) if text.ends_with("there are: home, work")), "{error:?}");
}

#[test]
fn a_key_of_another_client_is_refused_on_the_command_line_only() {
    let directory = directory();
    let environment = environment(&directory, &[]);
    let error = Settings::of(&args(None, None, None, &[("acks", "1")]), &environment, &[Kind::Admin]);
    assert!(matches!(error, Err(Failure::Usage(_))), "{error:?}");
    let file = directory.path().join("client.properties");
    let settings = Settings::of(&args(None, None, Some(&file), &[]), &environment, &[Kind::Admin]);
    assert_eq!(settings.expect("a file is shared").common().expect("good").retry_backoff.as_millis(), 33);
}

#[test]
fn a_producers_key_in_the_environment_broke_the_commands_without_a_producer() {
    let directory = directory();
    let nothing = args(None, None, None, &[]);
    let resolved = |property: &str, kind| {
        Settings::of(&nothing, &environment(&directory, &[("MOLDAU_PROPERTY", property)]), &[kind])
    };
    for kind in [Kind::Admin, Kind::Producer, Kind::Consumer] {
        resolved("acks=1\nfetch.min.bytes=7", kind).expect("the environment is shared");
        assert!(matches!(resolved("ack=1", kind), Err(Failure::Usage(_))), "{kind:?}");
    }
    let config = resolved("acks=1", Kind::Producer).and_then(|settings| settings.producer());
    assert_eq!(config.expect("good").acks, moldau_client::Acks::Leader);
}

#[test]
fn a_named_configuration_file_that_is_not_there_was_taken_as_empty() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("config.toml");
    let error = Profiles::load(&ProfilesFile::Named(file.clone())).expect_err("refused");
    let wanted = format!("MOLDAU_CONFIG={}: ", file.display());
    assert!(matches!(&error, Failure::Usage(text) if text.starts_with(&wanted)), "{error:?}");
    assert!(Profiles::load(&ProfilesFile::InHome(file)).expect("it need not be there").profiles.is_empty());
    assert!(Profiles::load(&ProfilesFile::Nowhere).expect("none").profiles.is_empty());
}

#[test]
fn a_file_that_asks_for_tls_is_not_connected_to_in_the_clear() {
    let directory = directory();
    let file = directory.path().join("tls.properties");
    fs::write(&file, "security.protocol=SSL\nssl.truststore.location=/x\n").expect("written");
    let error =
        Settings::of(&args(None, None, Some(&file), &[]), &environment(&directory, &[]), &[Kind::Admin])
            .expect_err("refused");
    assert!(matches!(&error, Failure::Usage(text) if text.contains("no TLS")), "{error:?}");
    fs::write(&file, "security.protocol=PLAINTEXT\nno.such.key=x\n").expect("written");
    Settings::of(&args(None, None, Some(&file), &[]), &environment(&directory, &[]), &[Kind::Admin])
        .expect("what has no effect is only told");
}

#[test]
fn properties_of_the_environment_stand_one_a_line() {
    let directory = directory();
    let two = [("MOLDAU_PROPERTY", "request.timeout.ms=5\n\nclient.id=a=b,c")];
    let settings = Settings::of(&args(None, None, None, &[]), &environment(&directory, &two), &[Kind::Admin])
        .expect("good settings");
    let config = settings.common().expect("good keys");
    assert_eq!((config.request_timeout.as_millis(), config.client_id.as_str()), (5, "a=b,c"));
    assert!(Environment::of(|name| (name == "MOLDAU_PROPERTY").then(|| "nonsense".to_owned())).is_err());
    assert!(Environment::of(|name| (name == "MOLDAU_OUTPUT").then(|| "xml".to_owned())).is_err());
}

#[test]
fn a_misspelt_word_of_the_file_is_told() {
    let directory = directory();
    let file = directory.path().join("config.toml");
    fs::write(&file, "[profiles.a]\nbootstrap_servers = \"x:1\"\n").expect("written");
    let error = Profiles::load(&ProfilesFile::InHome(file)).expect_err("refused");
    assert!(matches!(&error, Failure::Usage(text) if text.contains("bootstrap_server")), "{error:?}");
}
