//! Loads, replays, appends and times out the coordinators' state machines over partitions.
