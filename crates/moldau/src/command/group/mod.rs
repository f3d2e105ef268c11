//! `moldau group`: consumer groups, their members, offsets and lag.

mod change;
mod describe;
mod list;
mod reset;

use moldau_client::Admin;

use crate::args::GroupCommand;
use crate::args::group::GroupsArgs;
use crate::failure::Failure;

pub(crate) async fn run(command: GroupCommand) -> Result<(), Failure> {
    match command {
        GroupCommand::List(args) => list::list(args).await,
        GroupCommand::Describe(args) => describe::describe(args).await,
        GroupCommand::Reset(args) => reset::run(args).await,
        GroupCommand::Delete(args) => change::delete(args).await,
        GroupCommand::DeleteOffsets(args) => change::delete_offsets(args).await,
    }
}

impl GroupsArgs {
    /// The ids of the groups that are meant, in order. Groups of other things than consumers are never meant by `--all`.
    async fn ids(&self, admin: &Admin) -> Result<Vec<String>, Failure> {
        if !self.groups.is_empty() {
            return Ok(self.groups.clone());
        }
        let ids: Vec<String> = admin
            .list_groups()
            .await?
            .into_iter()
            .filter(|group| matches!(group.protocol_type.as_str(), "" | "consumer"))
            .map(|group| group.id)
            .filter(|id| self.matching.as_ref().is_none_or(|pattern| pattern.matches(id)))
            .collect();
        match &self.matching {
            Some(pattern) if ids.is_empty() => Err(Failure::said_no(format!(
                "no group matches {}; `moldau group list` shows those there are",
                pattern.text()
            ))),
            _ => Ok(ids),
        }
    }
}
