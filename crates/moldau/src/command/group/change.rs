//! Deleting groups and committed offsets.

use moldau_client::admin::MembersToRemove;

use crate::args::{GroupDeleteArgs, GroupDeleteOffsetsArgs, GroupRemoveMembersArgs};
use crate::command::group::describe::describe_existing_of_each;
use crate::command::selection::partitions;
use crate::failure::Failure;
use crate::output::Outcomes;

pub(super) async fn delete(args: GroupDeleteArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let mut outcomes = Outcomes::new(settings.output, "group");
    let ids = args.groups.ids(&admin).await?;
    let results = if args.dry_run {
        let found = describe_existing_of_each(&admin, &ids).await;
        found.into_iter().map(|found| found.map(|_| ())).collect()
    } else {
        admin.delete_groups(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await?
    };
    for (id, result) in ids.iter().zip(results) {
        match result {
            Ok(()) => outcomes.done(id, if args.dry_run { "would be deleted" } else { "deleted" })?,
            Err(error) => outcomes.failed(id, &error),
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
