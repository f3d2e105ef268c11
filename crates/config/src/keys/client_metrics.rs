//! Keys of a client metrics subscription (KIP-714).

use crate::key::{Is, Key, int, list};
use crate::keys::reasons::TELEMETRY;
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    int("interval.ms", Is("300000")).inert(TELEMETRY, "Milliseconds between two pushes of a client."),
    list("match", Is(""))
        .valid(Validator::AnyList { empty: true })
        .inert(TELEMETRY, "Which clients are meant, as name=pattern; all where empty."),
    list("metrics", Is(""))
        .valid(Validator::AnyList { empty: true })
        .inert(TELEMETRY, "Prefixes of the metrics that are asked for; `*` is all."),
];
