//! Zigzag varints, as records use them for every length and delta. Values of one and two bytes take the fast path.

use super::RecordsError;

/// More than five bytes of an `i32`, ten of an `i64`, or bits beyond the type.
const TOO_LONG: RecordsError = RecordsError::InvalidRecord("a varint is too long");
const CUT_OFF: RecordsError = RecordsError::InvalidRecord("it ends early");

/// Longest encoding of an `i32`.
pub(super) const MAX_VARINT_LEN: usize = 5;
/// Longest encoding of an `i64`.
pub(super) const MAX_VARLONG_LEN: usize = 10;

#[inline(always)]
fn unzigzag(raw: u64) -> i64 {
    (raw >> 1) as i64 ^ -((raw & 1) as i64)
}

#[inline(always)]
fn unzigzag32(raw: u32) -> i32 {
    (raw >> 1) as i32 ^ -((raw & 1) as i32)
}

/// Reads an `i32` at `pos` and moves `pos` behind it.
#[inline(always)]
pub(super) fn read_varint(bytes: &[u8], pos: &mut usize) -> Result<i32, RecordsError> {
    let at = *pos;
    if let Some(&first) = bytes.get(at) {
        if first < 0x80 {
            *pos = at + 1;
            return Ok(unzigzag32(u32::from(first)));
        }
        if let Some(&second) = bytes.get(at + 1)
            && second < 0x80
        {
            *pos = at + 2;
            return Ok(unzigzag32(u32::from(first & 0x7f) | u32::from(second) << 7));
        }
    }
    read_long_varint(bytes, pos)
}

#[cold]
fn read_long_varint(bytes: &[u8], pos: &mut usize) -> Result<i32, RecordsError> {
    let mut raw = 0u32;
    for index in 0..MAX_VARINT_LEN {
        let &byte = bytes.get(*pos + index).ok_or(CUT_OFF)?;
        raw |= u32::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            if index + 1 == MAX_VARINT_LEN && byte > 0x0f {
                return Err(TOO_LONG);
            }
            *pos += index + 1;
            return Ok(unzigzag32(raw));
        }
    }
    Err(TOO_LONG)
}

/// Reads an `i64` at `pos` and moves `pos` behind it.
#[inline(always)]
pub(super) fn read_varlong(bytes: &[u8], pos: &mut usize) -> Result<i64, RecordsError> {
    let at = *pos;
    if let Some(&first) = bytes.get(at)
        && first < 0x80
    {
        *pos = at + 1;
        return Ok(unzigzag(u64::from(first)));
    }
    read_long_varlong(bytes, pos)
}

fn read_long_varlong(bytes: &[u8], pos: &mut usize) -> Result<i64, RecordsError> {
    let mut raw = 0u64;
    for index in 0..MAX_VARLONG_LEN {
        let &byte = bytes.get(*pos + index).ok_or(CUT_OFF)?;
        raw |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            if index + 1 == MAX_VARLONG_LEN && byte > 1 {
                return Err(TOO_LONG);
            }
            *pos += index + 1;
            return Ok(unzigzag(raw));
        }
    }
    Err(TOO_LONG)
}

/// Appends an `i32`.
pub(super) fn write_varint(value: i32, out: &mut Vec<u8>) {
    write_raw(u64::from((value << 1 ^ value >> 31) as u32), out);
}

/// Appends an `i64`.
pub(super) fn write_varlong(value: i64, out: &mut Vec<u8>) {
    write_raw((value << 1 ^ value >> 63) as u64, out);
}

fn write_raw(mut raw: u64, out: &mut Vec<u8>) {
    while raw >= 0x80 {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

/// Bytes an `i32` takes.
pub(super) fn varint_len(value: i32) -> usize {
    raw_len(u64::from((value << 1 ^ value >> 31) as u32))
}

/// Bytes an `i64` takes.
pub(super) fn varlong_len(value: i64) -> usize {
    raw_len((value << 1 ^ value >> 63) as u64)
}

fn raw_len(raw: u64) -> usize {
    (64 - (raw | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_round_trip_in_the_shortest_form() {
        let mut values = vec![0, 1, -1, 63, -64, 64, -65, 8191, -8192, 8192, i64::MAX, i64::MIN];
        for bits in 0..63 {
            values.extend([1 << bits, (1 << bits) - 1, -(1 << bits)]);
        }
        for value in values {
            let mut out = vec![];
            write_varlong(value, &mut out);
            assert_eq!(out.len(), varlong_len(value));
            let mut pos = 0;
            assert_eq!(read_varlong(&out, &mut pos), Ok(value));
            assert_eq!(pos, out.len());
            assert!(read_varlong(&out[..out.len() - 1], &mut 0).is_err());
            if let Ok(value) = i32::try_from(value) {
                let mut out = vec![];
                write_varint(value, &mut out);
                assert_eq!(out.len(), varint_len(value));
                let mut pos = 0;
                assert_eq!(read_varint(&out, &mut pos), Ok(value));
                assert_eq!(pos, out.len());
                assert!(read_varint(&out[..out.len() - 1], &mut 0).is_err());
            }
        }
    }

    #[test]
    fn what_is_too_long_is_refused() {
        assert_eq!(read_varint(&[0xff; 5], &mut 0), Err(TOO_LONG));
        assert_eq!(read_varint(&[0xff, 0xff, 0xff, 0xff, 0x10], &mut 0), Err(TOO_LONG));
        assert_eq!(read_varlong(&[0xff; 11], &mut 0), Err(TOO_LONG));
    }
}
