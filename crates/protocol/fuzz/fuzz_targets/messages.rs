//! Any message in any version: what decodes also encodes, and decodes again to the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moldau_protocol::testing;

fuzz_target!(|input: &[u8]| {
    let [which, which_high, version, bytes @ ..] = input else { return };
    let all = testing::all();
    let entry = &all[usize::from(u16::from_le_bytes([*which, *which_high])) % all.len()];
    let version = entry.min_version + i16::from(*version) % (entry.max_version - entry.min_version + 1);
    // Text that is not UTF-8 is replaced and may grow too long to be written.
    let Ok(again) = (entry.reencode)(bytes, version) else { return };
    assert_eq!((entry.reencode)(&again, version).as_ref(), Ok(&again), "{} {version}", entry.name);
});
