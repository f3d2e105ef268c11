//! Groups as a list.

use moldau_client::admin::GroupListing;
use serde_json::json;

use crate::args::GroupListArgs;
use crate::failure::Failure;
use crate::output::{Table, show};

pub(super) async fn list(args: GroupListArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let mut groups = admin.list_groups().await?;
    groups.retain(|group| is_wanted(&args, group));
    show(
        settings.output,
        || {
            groups
                .iter()
                .map(|group| {
                    json!({
                        "group": group.id,
                        "type": group.kind,
                        "protocol_type": group.protocol_type,
                        "state": group.state,
                    })
                })
                .collect()
        },
        || {
            let mut table = Table::new(&["GROUP", "TYPE", "PROTOCOL", "STATE"]);
            let text = |value: Option<&str>| value.filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
            for group in &groups {
                table.row(vec![
                    group.id.clone(),
                    text(group.kind.as_deref()),
                    text(Some(&group.protocol_type)),
                    text(group.state.as_deref()),
                ]);
            }
            table.text()
        },
    )
}

fn is_wanted(args: &GroupListArgs, group: &GroupListing) -> bool {
    let is_one_of = |wanted: &[String], value: &Option<String>| {
        wanted.is_empty()
            || value
                .as_ref()
                .is_some_and(|value| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(value)))
    };
    args.matching.as_ref().is_none_or(|pattern| pattern.matches(&group.id))
        && is_one_of(&args.state, &group.state)
        && is_one_of(&args.kind, &group.kind)
        && args.protocol.as_ref().is_none_or(|protocol| *protocol == group.protocol_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_must_hold() {
        let mut group = GroupListing::default();
        "boards".clone_into(&mut group.id);
        "consumer".clone_into(&mut group.protocol_type);
        group.state = Some("PreparingRebalance".to_owned());
        group.kind = Some("classic".to_owned());
        let args =
            |state: &[&str], kind: &[&str], protocol: Option<&str>, matching: Option<&str>| GroupListArgs {
                matching: matching.map(|text| text.parse().expect("sound")),
                state: state.iter().map(|text| (*text).to_owned()).collect(),
                kind: kind.iter().map(|text| (*text).to_owned()).collect(),
                protocol: protocol.map(str::to_owned),
                cluster: Default::default(),
            };
        for (wanted, args) in [
            (true, args(&[], &[], None, None)),
            (true, args(&["Empty", "PreparingRebalance"], &["classic"], Some("consumer"), Some("b.*"))),
            (false, args(&["Empty"], &[], None, None)),
            (false, args(&[], &["consumer"], None, None)),
            (false, args(&[], &[], Some("connect"), None)),
            (false, args(&[], &[], None, Some("b"))),
        ] {
            assert_eq!(is_wanted(&args, &group), wanted, "{args:?}");
        }
    }
}
