//! Bytes as a producer sends them or a segment holds them: walking over batches and their records ends, and never does
//! harm. The checksum is put right first, or nearly nothing would get past it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moldau_protocol::records::{ValidationRules, batches, update_crc, validate_batch};

fuzz_target!(|input: &[u8]| {
    for batch in batches(input) {
        let Ok(batch) = batch else { break };
        let size = batch.header.size_in_bytes();
        assert!(size <= input.len());
        if let Ok(mut records) = batch.records() {
            while let Ok(Some(record)) = records.next_record() {
                record.headers.for_each(drop);
            }
        }
        let mut mended = batch.bytes().to_vec();
        if update_crc(&mut mended).is_ok() {
            let _ = validate_batch(&mended, &ValidationRules::default());
        }
    }
});
