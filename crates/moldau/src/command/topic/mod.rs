//! `moldau topic`: make, list, describe, change and delete topics.

mod producers;
mod select;
mod view;

use moldau_client::admin::{AlterConfigOp, ConfigResource, NewTopic};
use moldau_client::{Admin, ClientError, ErrorCode};

use crate::args::{TopicAlterArgs, TopicCommand, TopicCreateArgs, TopicDeleteArgs};
use crate::failure::Failure;
use crate::output::Outcomes;
use crate::stderr::complain;

pub(crate) use select::names_matching;

pub(crate) async fn run(command: TopicCommand) -> Result<(), Failure> {
    match command {
        TopicCommand::Create(args) => create(args).await,
        TopicCommand::List(args) => view::list(args).await,
        TopicCommand::Describe(args) => view::describe(args).await,
        TopicCommand::Delete(args) => delete(args).await,
        TopicCommand::Alter(args) => alter(args).await,
        TopicCommand::Producers(args) => producers::producers(args).await,
    }
}

async fn create(args: TopicCreateArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let topics: Vec<NewTopic> = args
        .topics
        .iter()
        .map(|name| {
            let mut topic = NewTopic::new(name);
            topic.partitions = args.partitions;
            topic.replication_factor = args.replication_factor;
            topic.assignments = args.assignment.as_ref().map(|all| all.0.clone()).unwrap_or_default();
            topic.configs.clone_from(&args.config);
            topic
        })
        .collect();
    let mut outcomes = Outcomes::new(settings.output, "topic");
    for (name, result) in args.topics.iter().zip(admin.create_topics(&topics, args.dry_run).await?) {
        match result {
            Ok(_) => outcomes.done(name, if args.dry_run { "can be made" } else { "made" })?,
            Err(error) if args.if_not_exists && error.code() == Some(ErrorCode::TopicAlreadyExists) => {
                outcomes.unchanged(name);
            }
            Err(error) => outcomes.failed(name, &error),
        }
    }
    outcomes.finish()
}

async fn delete(args: TopicDeleteArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let names = match &args.matching {
        None => args.topics.clone(),
        Some(pattern) => names_matching(&admin, pattern, false, args.if_exists).await?,
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut outcomes = Outcomes::new(settings.output, "topic");
    let results = if args.dry_run {
        admin.describe_topics(&names).await?.into_iter().map(|found| found.map(|_| ())).collect()
    } else if names.is_empty() {
        Vec::new()
    } else {
        admin.delete_topics(&names).await?
    };
    for (name, result) in names.iter().copied().zip(results) {
        match result {
            Ok(()) => outcomes.done(name, if args.dry_run { "would be deleted" } else { "deleted" })?,
            Err(error) if args.if_exists && error.code() == Some(ErrorCode::UnknownTopicOrPartition) => {
                outcomes.unchanged(name);
            }
            Err(error) => outcomes.failed(name, &error),
        }
    }
    outcomes.finish()
}

async fn alter(args: TopicAlterArgs) -> Result<(), Failure> {
    if args.partitions.is_none() && args.config.is_empty() && args.delete_config.is_empty() {
        return Err(Failure::usage("nothing to change; use --partitions, --config or --delete-config"));
    }
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let mut outcomes = Outcomes::new(settings.output, "topic");
    let changes: Vec<(String, AlterConfigOp)> = args
        .config
        .iter()
        .map(|(key, value)| (key.clone(), AlterConfigOp::Set(value.clone())))
        .chain(args.delete_config.iter().map(|key| (key.clone(), AlterConfigOp::Delete)))
        .collect();
    let change = Change { admin: &admin, args: &args, configs: &changes };
    let made = async {
        // Neither is done when the other is refused.
        if change.is_double() || args.dry_run {
            change.configs(true).await?;
            change.partitions(true).await?;
        }
        if !args.dry_run {
            change.configs(false).await?;
            if let Err(error) = change.partitions(false).await {
                if change.is_double() {
                    complain(format_args!(
                        "topic {}: its configs are changed, its partitions are not",
                        args.topic
                    ));
                }
                return Err(error);
            }
        }
        Ok(())
    };
    match made.await {
        Ok(()) => outcomes.done(&args.topic, if args.dry_run { "can be changed" } else { "changed" })?,
        Err(error) if args.if_exists && error.code() == Some(ErrorCode::UnknownTopicOrPartition) => {
            outcomes.unchanged(&args.topic);
        }
        Err(error) => outcomes.failed(&args.topic, &error),
    }
    outcomes.finish()
}

/// What is to be changed of a topic: two requests, which Kafka does not take together.
struct Change<'a> {
    admin: &'a Admin,
    args: &'a TopicAlterArgs,
    configs: &'a [(String, AlterConfigOp)],
}

impl Change<'_> {
    fn is_double(&self) -> bool {
        !self.configs.is_empty() && self.args.partitions.is_some()
    }

    async fn configs(&self, validate_only: bool) -> Result<(), ClientError> {
        if self.configs.is_empty() {
            return Ok(());
        }
        let topic = ConfigResource::topic(&self.args.topic);
        self.admin.alter_configs(&topic, self.configs, validate_only).await
    }

    async fn partitions(&self, validate_only: bool) -> Result<(), ClientError> {
        let topic = &self.args.topic;
        match (self.args.partitions, &self.args.assignment) {
            (None, _) => Ok(()),
            (Some(count), None) => self.admin.create_partitions(topic, count, validate_only).await,
            (Some(count), Some(replicas)) => {
                self.admin.create_partitions_at(topic, count, &replicas.0, validate_only).await
            }
        }
    }
}
