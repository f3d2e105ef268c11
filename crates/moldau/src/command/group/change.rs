//! Deleting groups and committed offsets.

use crate::args::{GroupDeleteArgs, GroupDeleteOffsetsArgs};
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
    // One by one, so that each has its own answer.
    for partition in partitions(&admin, &args.topics).await? {
        let what = partition.to_string();
        match admin.delete_group_offsets(&args.group, &[partition]).await {
            Ok(()) => outcomes.done(&what, "deleted")?,
            Err(error) => outcomes.failed(&what, &error),
        }
    }
    outcomes.finish()
}
