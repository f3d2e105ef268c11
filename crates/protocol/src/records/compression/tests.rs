//! Round trips through every codec, foreign framings, damage, and bombs.

use super::*;

fn sample(len: usize) -> Vec<u8> {
    (0..len as u32)
        .map(|i| if i % 7 < 4 { b'a' + (i % 26) as u8 } else { (i.wrapping_mul(2_654_435_761) >> 24) as u8 })
        .collect()
}

fn compressed(codec: Compression, data: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    codec.compress(None, data, &mut out).unwrap();
    out
}

#[test]
fn every_codec_gives_back_what_it_took() {
    for codec in Compression::ALL {
        for len in [0, 1, 100, 32 << 10, (64 << 10) + 1, 300_000] {
            let data = sample(len);
            let packed = compressed(codec, &data);
            assert_eq!(codec.decompress(&packed, len).unwrap(), data, "{codec} {len}");
        }
    }
}

#[test]
fn writing_in_pieces_gives_the_same_content() {
    let data = sample(200_000);
    for codec in Compression::ALL {
        let mut out = vec![];
        let mut encoder = Encoder::new(codec, None).unwrap();
        for piece in data.chunks(7919) {
            encoder.write(piece, &mut out).unwrap();
        }
        encoder.finish(&mut out).unwrap();
        assert_eq!(codec.decompress(&out, data.len()).unwrap(), data, "{codec}");
    }
}

#[test]
fn levels_are_taken_and_impossible_ones_refused() {
    let data = sample(50_000);
    for (codec, levels) in [
        (Compression::Gzip, vec![-1, 1, 6, 9]),
        (Compression::Lz4, vec![1, 9, 17]),
        (Compression::Zstd, vec![-131_072, -5, 1, 3, 19, 22]),
        (Compression::Snappy, vec![0]),
    ] {
        for level in levels {
            let mut out = vec![];
            codec.compress(Some(level), &data, &mut out).unwrap();
            assert_eq!(codec.decompress(&out, data.len()).unwrap(), data, "{codec} {level}");
        }
    }
    assert!(Compression::Gzip.compress(Some(10), &data, &mut vec![]).is_err());
}

#[test]
fn what_is_cut_off_is_refused() {
    let data = sample(100_000);
    for codec in [Compression::Gzip, Compression::Lz4, Compression::Zstd, Compression::Snappy] {
        let packed = compressed(codec, &data);
        for cut in [1, packed.len() / 2, packed.len() - 1] {
            assert!(codec.decompress(&packed[..cut], data.len()).is_err(), "{codec} cut to {cut}");
        }
    }
}

#[test]
fn snappy_without_framing_is_read() {
    let data = sample(100_000);
    let raw = snap::raw::Encoder::new().compress_vec(&data).unwrap();
    assert_eq!(Compression::Snappy.decompress(&raw, data.len()).unwrap(), data);
}

#[test]
fn a_snappy_block_that_claims_gigabytes_is_refused_before_memory_is_taken() {
    let raw = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
    assert!(Compression::Snappy.decompress(&raw, usize::MAX).is_err());
}

#[test]
fn several_members_and_frames_in_a_row_are_one_content() {
    let (one, two) = (sample(1000), sample(70_000));
    let both = [one.as_slice(), &two].concat();
    for codec in [Compression::Gzip, Compression::Lz4, Compression::Zstd, Compression::Snappy] {
        let packed = [compressed(codec, &one), compressed(codec, &two)].concat();
        assert_eq!(codec.decompress(&packed, both.len()).unwrap(), both, "{codec}");
    }
}

#[test]
fn lz4_frames_of_other_writers_are_read() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    use std::io::Write;
    let data = sample(700_000);
    for mode in [BlockMode::Independent, BlockMode::Linked] {
        for size in [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max4MB] {
            for checksums in [false, true] {
                let info = FrameInfo::new()
                    .block_mode(mode)
                    .block_size(size)
                    .block_checksums(checksums)
                    .content_checksum(checksums)
                    .content_size(checksums.then_some(data.len() as u64));
                let mut encoder = FrameEncoder::with_frame_info(info, vec![]);
                encoder.write_all(&data).unwrap();
                let packed = encoder.finish().unwrap();
                assert_eq!(Compression::Lz4.decompress(&packed, data.len()).unwrap(), data);
                if checksums {
                    let mut damaged = packed.clone();
                    let last = damaged.len() - 2;
                    damaged[last] ^= 1;
                    assert!(Compression::Lz4.decompress(&damaged, data.len()).is_err());
                }
            }
        }
    }
}

#[test]
fn gzip_with_all_optional_header_fields_is_read() {
    let data = sample(5000);
    let plain = compressed(Compression::Gzip, &data);
    let mut packed = plain[..10].to_vec();
    packed[3] = 2 | 4 | 8 | 16;
    packed.extend_from_slice(&[3, 0, b'x', b'y', b'z']);
    packed.extend_from_slice(b"name\0comment\0\x11\x22");
    packed.extend_from_slice(&plain[10..]);
    assert_eq!(Compression::Gzip.decompress(&packed, data.len()).unwrap(), data);
    let mut damaged = plain.clone();
    let at = damaged.len() - 6;
    damaged[at] ^= 1;
    assert!(Compression::Gzip.decompress(&damaged, data.len()).is_err());
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let zeros = vec![0; 64 << 20];
    for codec in [Compression::Gzip, Compression::Lz4, Compression::Zstd, Compression::Snappy] {
        let bomb = compressed(codec, &zeros);
        assert!(bomb.len() < 4 << 20);
        let mut decoder = Decompressor::new(codec, &bomb, 10 << 20).unwrap();
        let mut total = 0;
        let error = loop {
            match decoder.next_piece() {
                Ok(piece) => total += piece.len(),
                Err(error) => break error,
            }
            assert!(decoder.window().len() <= 4 << 20);
        };
        assert_eq!(error, RecordsError::TooLarge { limit: 10 << 20 }, "{codec}");
        assert!(total <= 10 << 20);
    }
}

#[test]
fn names_and_numbers_are_kafkas() {
    for (id, name) in [(0, "none"), (1, "gzip"), (2, "snappy"), (3, "lz4"), (4, "zstd")] {
        let codec = Compression::from_id(id).unwrap();
        assert_eq!((codec.id(), codec.name()), (id, name));
        assert_eq!(Compression::from_name(name), Some(codec));
    }
    assert_eq!(Compression::from_id(5), Err(RecordsError::UnknownCompression(5)));
    assert_eq!(Compression::from_name("uncompressed"), Some(Compression::None));
    assert_eq!(Compression::from_name("producer"), None);
}
