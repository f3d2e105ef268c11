//! The operations that a principal may do, as Metadata and the describe APIs list them: bit fields over Kafka's
//! `AclOperation` codes. Without an authorizer everything that a resource supports is allowed.

/// What is answered when the request did not ask.
pub(crate) const NOT_ASKED: i32 = i32::MIN;

const fn bits(codes: &[u8]) -> i32 {
    let mut field = 0;
    let mut at = 0;
    while at < codes.len() {
        field |= 1 << codes[at];
        at += 1;
    }
    field
}

/// Read, write, create, delete, alter, describe, describe configs, alter configs.
pub(crate) const ON_TOPIC: i32 = bits(&[3, 4, 5, 6, 7, 8, 10, 11]);
/// Create, alter, describe, cluster action, describe configs, alter configs, idempotent write.
pub(crate) const ON_CLUSTER: i32 = bits(&[5, 7, 8, 9, 10, 11, 12]);

/// `operations` when they were asked for.
pub(crate) fn when(asked: bool, operations: i32) -> i32 {
    if asked { operations } else { NOT_ASKED }
}
