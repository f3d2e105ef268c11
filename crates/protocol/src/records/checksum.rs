//! The checksum of batches: CRC-32C (Castagnoli), and CRC-32 (ISO HDLC) for the formats before magic 2.
//!
//! crc-fast picks its SIMD code by CPUID, cached by std in an atomic: there is no table to build at start.

/// CRC-32C of `data`, as record batches carry it.
#[inline]
pub fn crc32c(data: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(data)
}

#[cfg(test)]
mod tests {
    use super::crc32c;

    #[test]
    fn matches_the_check_value_of_the_catalogue() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
    }

    #[test]
    fn long_and_unaligned_inputs_match_the_bitwise_definition() {
        let data: Vec<u8> = (0..5000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for (start, end) in [(0, 5000), (1, 255), (3, 260), (7, 1031), (13, 4999), (0, 64), (5, 6)] {
            let slice = &data[start..end];
            let mut crc = !0u32;
            for &byte in slice {
                crc ^= u32::from(byte);
                for _ in 0..8 {
                    crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
                }
            }
            assert_eq!(crc32c(slice), !crc, "{start}..{end}");
        }
    }
}
