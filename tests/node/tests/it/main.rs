//! Our client against a node: producing, consuming, groups and administration, as a user does it.

mod admin;
mod consume;
mod group;
mod group_answers;
mod produce;
