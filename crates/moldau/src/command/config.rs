//! `moldau config`: configs of topics, brokers and groups.

use moldau_client::admin::{AlterConfigOp, ConfigResource, ConfigSource, ResourceType};
use serde_json::json;

use crate::args::{ConfigCommand, ConfigGetArgs, ConfigSetArgs, ResourceKind};
use crate::failure::Failure;
use crate::output::{Outcomes, Table, show};

pub(crate) async fn run(command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Get(args) => get(args).await,
        ConfigCommand::Set(args) => set(args).await,
    }
}

fn resource(kind: ResourceKind, name: &str) -> ConfigResource {
    let kind = match kind {
        ResourceKind::Topic => ResourceType::Topic,
        ResourceKind::Broker => ResourceType::Broker,
        ResourceKind::BrokerLogger => ResourceType::BrokerLogger,
        ResourceKind::ClientMetrics => ResourceType::ClientMetrics,
        ResourceKind::Group => ResourceType::Group,
    };
    let all_brokers = kind == ResourceType::Broker && name == "default";
    ConfigResource { kind, name: if all_brokers { String::new() } else { name.to_owned() } }
}

async fn get(args: ConfigGetArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let keys: Vec<&str> = args.keys.iter().map(String::as_str).collect();
    let wanted = (!keys.is_empty()).then_some(keys.as_slice());
    let mut entries = admin.describe_configs(&resource(args.kind, &args.name), wanted, false).await?;
    if !args.all && keys.is_empty() {
        entries.retain(|entry| !matches!(entry.source, ConfigSource::DefaultConfig | ConfigSource::Unknown));
    }
    if entries.is_empty() && !keys.is_empty() {
        return Err(Failure::said_no(format!("no config is called {}", keys.join(" or "))));
    }
    show(
        settings.output,
        || {
            entries
                .iter()
                .map(|entry| {
                    json!({
                        "key": entry.name,
                        "value": entry.value,
                        "source": entry.source.name(),
                        "read_only": entry.read_only,
                        "sensitive": entry.sensitive,
                        "synonyms": entry.synonyms.iter().map(|synonym| json!({
                            "key": synonym.name, "value": synonym.value, "source": synonym.source.name(),
                        })).collect::<Vec<_>>(),
                    })
                })
                .collect()
        },
        || {
            let mut table = Table::new(&["KEY", "VALUE", "SOURCE"]);
            for entry in &entries {
                let value = match &entry.value {
                    Some(value) => value.clone(),
                    None if entry.sensitive => "(secret)".to_owned(),
                    None => "null".to_owned(),
                };
                table.row(vec![entry.name.clone(), value, entry.source.name().to_owned()]);
            }
            table.text()
        },
    )
}

async fn set(args: ConfigSetArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let changes: Vec<(String, AlterConfigOp)> = args
        .set
        .iter()
        .map(|(key, value)| (key.clone(), AlterConfigOp::Set(value.clone())))
        .chain(args.delete.iter().map(|key| (key.clone(), AlterConfigOp::Delete)))
        .collect();
    let mut outcomes = Outcomes::new(settings.output, kind_name(args.kind)).label("configs of");
    match admin.alter_configs(&resource(args.kind, &args.name), &changes, args.dry_run).await {
        Ok(()) => outcomes.done(&args.name, if args.dry_run { "can be changed" } else { "changed" })?,
        Err(error) => outcomes.failed(&args.name, &error),
    }
    outcomes.finish()
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
