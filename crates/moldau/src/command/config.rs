//! `moldau config`: configs of topics, brokers and groups.

use std::collections::BTreeMap;

use clap::ValueEnum;
use moldau_client::Admin;
use moldau_client::admin::{AlterConfigOp, ConfigEntry, ConfigResource, ConfigSource, ResourceType};
use moldau_config::properties;
use serde_json::json;

use crate::args::{ConfigCommand, ConfigGetArgs, ConfigListArgs, ConfigSetArgs, ResourceKind};
use crate::failure::Failure;
use crate::output::{Outcomes, Table, show};

/// What stands for all brokers on the command line.
const ALL_BROKERS: &str = "default";

pub(crate) async fn run(command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::List(args) => list(args).await,
        ConfigCommand::Get(args) => get(args).await,
        ConfigCommand::Set(args) => set(args).await,
    }
}

fn resource_type(kind: ResourceKind) -> ResourceType {
    match kind {
        ResourceKind::Topic => ResourceType::Topic,
        ResourceKind::Broker => ResourceType::Broker,
        ResourceKind::BrokerLogger => ResourceType::BrokerLogger,
        ResourceKind::ClientMetrics => ResourceType::ClientMetrics,
        ResourceKind::Group => ResourceType::Group,
    }
}

fn resource(kind: ResourceKind, name: &str) -> ConfigResource {
    let kind = resource_type(kind);
    let all_brokers = kind == ResourceType::Broker && name == ALL_BROKERS;
    ConfigResource::new(kind, if all_brokers { "" } else { name })
}

fn kind_name(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Topic => "topic",
        ResourceKind::Broker => "broker",
        ResourceKind::BrokerLogger => "broker_logger",
        ResourceKind::ClientMetrics => "client_metrics",
        ResourceKind::Group => "group",
    }
}

/// The names of all there are of a kind.
async fn names(admin: &Admin, kind: ResourceKind) -> Result<Vec<String>, Failure> {
    Ok(match kind {
        ResourceKind::Topic => {
            admin.list_topics(true).await?.into_iter().map(|topic| topic.name.to_string()).collect()
        }
        ResourceKind::Group => admin.list_groups().await?.into_iter().map(|group| group.id).collect(),
        ResourceKind::Broker | ResourceKind::BrokerLogger => {
            let brokers = admin.describe_cluster().await?.brokers;
            let ids = brokers.into_iter().map(|broker| broker.id.to_string());
            let default = (kind == ResourceKind::Broker).then(|| ALL_BROKERS.to_owned());
            ids.chain(default).collect()
        }
        ResourceKind::ClientMetrics => {
            let all = admin.list_config_resources(&[ResourceType::ClientMetrics]).await?;
            all.into_iter().map(|resource| resource.name).collect()
        }
    })
}

/// The place of a thing's kind among all kinds.
fn resource_place(resource: &ConfigResource) -> usize {
    let all = ResourceKind::value_variants();
    all.iter().position(|kind| resource_type(*kind) == resource.kind).unwrap_or(all.len())
}

async fn list(args: ConfigListArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let kinds: Vec<ResourceType> = args.kinds.iter().copied().map(resource_type).collect();
    let mut resources = settings.admin().await?.list_config_resources(&kinds).await?;
    resources.sort_by_key(|resource| (resource_place(resource), resource.name.clone()));
    let kind = |resource: &ConfigResource| {
        ResourceKind::value_variants()
            .get(resource_place(resource))
            .map_or("unknown", |kind| kind_name(*kind))
    };
    let name = |resource: &ConfigResource| match resource.name.as_str() {
        "" => ALL_BROKERS.to_owned(),
        name => name.to_owned(),
    };
    show(
        settings.output,
        || {
            let json = |resource| json!({ "kind": kind(resource), "name": name(resource) });
            resources.iter().map(json).collect()
        },
        || {
            let mut table = Table::new(&["KIND", "NAME"]);
            for resource in &resources {
                table.row(vec![kind(resource).replace('_', "-"), name(resource)]);
            }
            table.text()
        },
    )
}

/// A config with what it belongs to.
struct Found {
    name: String,
    entry: ConfigEntry,
}

async fn get(args: ConfigGetArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let keys: Vec<&str> = args.keys.iter().map(String::as_str).collect();
    let wanted = (!keys.is_empty()).then_some(keys.as_slice());
    let names = match &args.name {
        Some(name) => vec![name.clone()],
        None => names(&admin, args.kind).await?,
    };
    let resources: Vec<ConfigResource> = names.iter().map(|name| resource(args.kind, name)).collect();
    let described = admin.describe_configs_of_each(&resources, wanted, args.docs).await;
    let mut found = Vec::new();
    for (name, entries) in names.into_iter().zip(described) {
        found.extend(
            entries?
                .into_iter()
                .filter(|entry| args.all || wanted.is_some() || is_set(&args, &name, entry))
                .map(|entry| Found { name: name.clone(), entry }),
        );
    }
    if found.is_empty() && !keys.is_empty() {
        return Err(Failure::said_no(format!(
            "no config is called {}; `moldau config get {} NAME --all` shows those there are",
            keys.join(" or "),
            kind_name(args.kind).replace('_', "-")
        )));
    }
    show(
        settings.output,
        || found.iter().map(|one| json_of(args.kind, one, args.docs)).collect(),
        || text_of(&found, args.name.is_none(), args.docs),
    )
}

/// Whether a config is not at its default; when all things are listed, whether it is the thing's own.
fn is_set(args: &ConfigGetArgs, name: &str, entry: &ConfigEntry) -> bool {
    let of_broker = args.kind == ResourceKind::Broker;
    match entry.source {
        ConfigSource::DefaultConfig | ConfigSource::Unknown => false,
        ConfigSource::DynamicDefaultBrokerConfig if args.name.is_none() => of_broker && name == ALL_BROKERS,
        ConfigSource::StaticBrokerConfig if args.name.is_none() => of_broker,
        _ => true,
    }
}

fn json_of(kind: ResourceKind, found: &Found, docs: bool) -> serde_json::Value {
    let Found { name, entry } = found;
    let mut json = json!({
        kind_name(kind): name,
        "key": entry.name,
        "value": entry.value,
        "source": entry.source.name(),
        "read_only": entry.read_only,
        "sensitive": entry.sensitive,
        "synonyms": entry.synonyms.iter().map(|synonym| json!({
            "key": synonym.name, "value": synonym.value, "source": synonym.source.name(),
        })).collect::<Vec<_>>(),
    });
    if docs {
        json["documentation"] = entry.documentation.clone().into();
    }
    json
}

fn text_of(found: &[Found], named: bool, docs: bool) -> String {
    let mut head = vec!["NAME", "KEY", "VALUE", "SOURCE", "DOCUMENTATION"];
    if !docs {
        head.pop();
    }
    if !named {
        head.remove(0);
    }
    let mut table = Table::new(&head);
    for Found { name, entry } in found {
        let value = match &entry.value {
            Some(value) => value.clone(),
            None if entry.sensitive => "(secret)".to_owned(),
            None => "null".to_owned(),
        };
        let mut row = vec![entry.name.clone(), value, entry.source.name().to_owned()];
        if named {
            row.insert(0, name.clone());
        }
        if docs {
            row.push(entry.documentation.clone().unwrap_or_else(|| "-".to_owned()));
        }
        table.row(row);
    }
    table.text()
}

async fn set(args: ConfigSetArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let changes = changes(&args)?;
    let admin = settings.admin().await?;
    let mut outcomes = Outcomes::new(settings.output, kind_name(args.kind)).label("configs of");
    match admin.alter_configs(&resource(args.kind, &args.name), &changes, args.dry_run).await {
        Ok(()) => outcomes.done(&args.name, if args.dry_run { "can be changed" } else { "changed" })?,
        Err(error) => outcomes.failed(&args.name, &error),
    }
    outcomes.finish()
}

fn changes(args: &ConfigSetArgs) -> Result<Vec<(String, AlterConfigOp)>, Failure> {
    let mut set: BTreeMap<String, String> = match &args.from_file {
        None => BTreeMap::new(),
        Some(file) => properties::load(file)
            .map_err(|error| Failure::usage(format!("--from-file {}: {error}", file.display())))?
            .into_iter()
            .collect(),
    };
    set.extend(args.set.iter().cloned());
    let with = |pairs: &[(String, String)], op: fn(String) -> AlterConfigOp| {
        pairs.iter().map(|(key, value)| (key.clone(), op(value.clone()))).collect::<Vec<_>>()
    };
    Ok(set
        .into_iter()
        .map(|(key, value)| (key, AlterConfigOp::Set(value)))
        .chain(with(&args.append, AlterConfigOp::Append))
        .chain(with(&args.subtract, AlterConfigOp::Subtract))
        .chain(args.delete.iter().map(|key| (key.clone(), AlterConfigOp::Delete)))
        .collect())
}
