//! Our client against a node: producing, consuming, groups and administration, as a user does it.

mod admin;
mod admin_groups;
mod admin_partitions;
mod amplifiers;
mod connections;
mod consume;
mod consumer_calls;
mod consumer_hooks;
mod dynamic_configs;
mod fetch_rules;
mod fetch_waits;
mod frames;
mod group;
mod group_answers;
mod list_offsets;
mod log_dirs;
mod metadata;
mod names;
mod produce;
mod produce_rules;
mod producer_hooks;
mod subscriptions;
mod telemetry;
