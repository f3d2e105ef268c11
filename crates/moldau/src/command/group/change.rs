//! Deleting groups and committed offsets.

use moldau_client::admin::MembersToRemove;

use crate::args::{GroupDeleteArgs, GroupDeleteOffsetsArgs, GroupRemoveMembersArgs};
use crate::command::group::describe::describe_existing;
use crate::command::selection::partitions;
use crate::failure::Failure;
use crate::output::Outcomes;

pub(super) async fn delete(args: GroupDeleteArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let mut outcomes = Outcomes::new(settings.output, "group");
    for id in args.groups.ids(&admin).await? {
        let result = if args.dry_run {
            describe_existing(&admin, &id).await.map(|_| ())
        } else {
            admin.delete_group(&id).await
        };
        match result {
            Ok(()) => outcomes.done(&id, if args.dry_run { "would be deleted" } else { "deleted" })?,
            Err(error) => outcomes.failed(&id, &error),
        }
    }
    outcomes.finish()
}

pub(super) async fn delete_offsets(args: GroupDeleteOffsetsArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let mut outcomes = Outcomes::new(settings.output, "partition").label("offset of");
    let partitions = partitions(&admin, &args.topics).await?;
    for (partition, result) in admin.delete_group_offsets_of_each(&args.group, &partitions).await? {
        match result {
            Ok(()) => outcomes.done(&partition, "deleted")?,
            Err(error) => outcomes.failed(&partition, &error),
        }
    }
    outcomes.finish()
}

pub(super) async fn remove_members(args: GroupRemoveMembersArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let mut outcomes = Outcomes::new(settings.output, "member");
    let members = match args.all_members {
        true => MembersToRemove::All,
        false => MembersToRemove::Static(args.instance),
    };
    for (member, result) in
        admin.remove_group_members(&args.group, &members, "moldau group remove-members").await?
    {
        match result {
            Ok(()) => outcomes.done(&member, "removed")?,
            Err(error) => outcomes.failed(&member, &error),
        }
    }
    outcomes.finish()
}
