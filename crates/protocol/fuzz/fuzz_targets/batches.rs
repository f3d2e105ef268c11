//! Bytes as a producer sends them or a segment holds them: walking over batches ends, and never does harm.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moldau_protocol::records::batches;

fuzz_target!(|input: &[u8]| {
    for batch in batches(input) {
        let Ok(batch) = batch else { break };
        let _ = batch.verify_crc();
        assert!(batch.header.size_in_bytes() <= input.len());
    }
});
