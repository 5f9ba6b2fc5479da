//! What the line encodings share: labels by producer, and the last whole line of an output.

use super::{Output, ProducerId, RecoverError};

/// Puts `label` at its producer's place; places nobody has named yet get `blank`.
pub(super) fn put_label<L: Clone>(labels: &mut Vec<L>, id: ProducerId, label: L, blank: L) {
    let at = id.get() as usize;
    if labels.len() <= at {
        labels.resize(at + 1, blank);
    }
    labels[at] = label;
}

/// The end of an output made of lines.
pub(super) struct Tail {
    /// Bytes up to and including the last line feed.
    pub(super) keep: u64,
    /// The last whole line, without its line feed.
    pub(super) line: Option<Vec<u8>>,
    /// Where it begins.
    pub(super) line_at: u64,
}

/// Reads backwards to the last line that ends in a line feed.
pub(super) fn last_line(existing: &dyn Output) -> Result<Tail, RecoverError> {
    const STEP: u64 = 64 * 1024;
    let len = existing.len()?;
    let mut from = len;
    let mut tail: Vec<u8> = Vec::new();
    loop {
        let ends: Vec<usize> = line_feeds_from_behind(&tail, 2);
        let end = ends.first().copied();
        let begin = match ends.get(1) {
            Some(previous) => Some(previous + 1),
            None if from == 0 => Some(0),
            None => None,
        };
        match (end, begin) {
            (Some(end), Some(begin)) => {
                return Ok(Tail {
                    keep: from + end as u64 + 1,
                    line: Some(tail[begin..end].to_vec()),
                    line_at: from + begin as u64,
                });
            }
            (None, _) if from == 0 => return Ok(Tail { keep: 0, line: None, line_at: 0 }),
            _ => {
                let step = STEP.max(tail.len() as u64).min(from);
                from -= step;
                let mut longer = vec![0; usize::try_from(step).unwrap_or(usize::MAX)];
                read_exact_at(existing, from, &mut longer)?;
                longer.append(&mut tail);
                tail = longer;
            }
        }
    }
}

/// The first bytes of an output, at most `most`.
pub(super) fn head(existing: &dyn Output, most: usize) -> Result<Vec<u8>, RecoverError> {
    let len = usize::try_from(existing.len()?).unwrap_or(usize::MAX);
    let mut head = vec![0; most.min(len)];
    read_exact_at(existing, 0, &mut head)?;
    Ok(head)
}

fn line_feeds_from_behind(bytes: &[u8], most: usize) -> Vec<usize> {
    let at = bytes.iter().enumerate().rev();
    at.filter(|&(_, &byte)| byte == b'\n').map(|(i, _)| i).take(most).collect()
}

/// Reads until `into` is full.
pub(super) fn read_exact_at(
    existing: &dyn Output,
    mut offset: u64,
    mut into: &mut [u8],
) -> Result<(), RecoverError> {
    while !into.is_empty() {
        match existing.read_at(offset, into) {
            Ok(0) => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
            Ok(count) => {
                offset += count as u64;
                into = &mut into[count..];
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
