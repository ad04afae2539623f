//! Whole lines from a reader, in pieces of bounded size. Knows no agent and no file.

use std::io::{self, Read};

use memchr::{memchr, memrchr};

/// Bytes read at a time. Small enough to stay in the processor's cache, which beats mapping and whole-file reads.
pub const PIECE: usize = 256 * 1024;

/// Largest buffer that is kept from one file to the next.
const KEPT: usize = 8 * PIECE;

/// Longest line that is read. A longer one is skipped and reported.
pub const MAX_LINE: usize = 32 * 1024 * 1024;

/// A line that was too long to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// Where it starts.
    pub offset: u64,
    /// Its length as far as seen, in bytes.
    pub length: u64,
}

/// How a read ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct End {
    /// The offset behind the last whole line: where the next read goes on.
    pub offset: u64,
    /// The offset behind the last byte read.
    pub read_to: u64,
    /// How many bytes at the start of the buffer follow the last line end: a line still being written, or the last
    /// line of a file without a line end.
    pub rest: usize,
    /// Lines that were skipped. If the last one has no end yet, `offset` stands inside it.
    pub too_long: Vec<TooLong>,
}

/// Reads `reader` to its end and hands out pieces of whole lines with their offsets, starting at `base`.
///
/// `buffer` is reused between calls and grows only for lines longer than [`PIECE`]; what it grew stays, up to a few
/// pieces, because giving memory back and asking for it anew costs more than reading. Stops early, at a piece border,
/// when `each` returns `false`.
///
/// # Errors
///
/// Whatever `reader` returns, except for interruptions, which are retried.
pub fn read_lines(
    reader: &mut impl Read,
    base: u64,
    buffer: &mut Vec<u8>,
    mut each: impl FnMut(u64, &[u8]) -> bool,
) -> io::Result<End> {
    if buffer.len() > KEPT {
        buffer.truncate(PIECE);
        buffer.shrink_to_fit();
    }
    let mut end = End {
        offset: base,
        read_to: base,
        ..End::default()
    };
    let mut filled = 0;
    // Bytes at the start of the buffer that are known to hold no line end.
    let mut searched = 0;
    loop {
        if let Some(last) = memrchr(b'\n', &buffer[searched..filled]).map(|at| searched + at) {
            let go_on = each(end.offset, &buffer[..=last]);
            end.offset += last as u64 + 1;
            buffer.copy_within(last + 1..filled, 0);
            filled -= last + 1;
            if !go_on {
                return Ok(end);
            }
        }
        searched = filled;
        if filled == MAX_LINE {
            let length = filled as u64 + skip_line(reader, buffer, &mut end, &mut filled)?;
            end.too_long.push(TooLong {
                offset: end.offset,
                length,
            });
            end.offset += length;
            searched = 0;
            continue;
        }
        // However large the buffer is, what is read at a time is not.
        let window = (filled / PIECE + 1) * PIECE;
        if buffer.len() < window {
            buffer.resize(window, 0);
        }
        match reader.read(&mut buffer[filled..window]) {
            Ok(0) => break,
            Ok(count) => {
                end.read_to += count as u64;
                filled += count;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    end.rest = filled;
    Ok(end)
}

/// Drops the rest of a line that fills the whole buffer. Returns how many bytes of it were dropped beyond the buffer,
/// its line end included, and leaves what follows it at the start of `buffer`.
fn skip_line(
    reader: &mut impl Read,
    buffer: &mut [u8],
    end: &mut End,
    filled: &mut usize,
) -> io::Result<u64> {
    let mut dropped = 0;
    *filled = 0;
    loop {
        let count = match reader.read(&mut buffer[..PIECE]) {
            Ok(0) => return Ok(dropped),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        end.read_to += count as u64;
        if let Some(at) = memchr(b'\n', &buffer[..count]) {
            buffer.copy_within(at + 1..count, 0);
            *filled = count - at - 1;
            return Ok(dropped + at as u64 + 1);
        }
        dropped += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out at most `step` bytes at a time.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(self.1).min(out.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn check(text: &[u8], step: usize) -> (Vec<u8>, Vec<u8>, End) {
        let mut whole = Vec::new();
        let mut next = 7;
        let mut buffer = Vec::new();
        let end = read_lines(&mut Drip(text, step), 7, &mut buffer, |offset, piece| {
            // Only a line that was skipped leaves a gap.
            assert!(offset == next || (text.len() > MAX_LINE && offset > next));
            assert_eq!(piece.last(), Some(&b'\n'));
            next = offset + piece.len() as u64;
            whole.extend_from_slice(piece);
            true
        })
        .unwrap();
        (whole, buffer[..end.rest].to_vec(), end)
    }

    #[test]
    fn whole_lines_come_out_whatever_the_reads_are() {
        let text = b"one\n\ntwo three\nhalf";
        for step in 1..text.len() + 2 {
            let (whole, rest, end) = check(text, step);
            assert_eq!(whole, b"one\n\ntwo three\n", "step {step}");
            assert_eq!((end.offset, end.read_to, &*rest), (22, 26, &b"half"[..]));
        }
    }

    #[test]
    fn a_line_longer_than_a_piece_is_read_whole() {
        let mut text = vec![b'x'; PIECE * 3 + 5];
        text.push(b'\n');
        let (whole, rest, end) = check(&text, PIECE);
        assert_eq!(whole, text);
        assert!(end.too_long.is_empty() && rest.is_empty());
    }

    #[test]
    fn a_line_longer_than_the_limit_is_skipped_and_told() {
        let mut text = b"before\n".to_vec();
        text.resize(text.len() + MAX_LINE + 1_000_000, b'x');
        text.extend_from_slice(b"\nafter\nrest");
        let (whole, rest, end) = check(&text, usize::MAX);
        assert_eq!(whole, b"before\nafter\n");
        assert_eq!(rest, b"rest");
        assert_eq!(
            end.too_long,
            [TooLong {
                offset: 14,
                length: MAX_LINE as u64 + 1_000_001
            }]
        );
        assert_eq!(end.read_to, 7 + text.len() as u64);
    }
}
