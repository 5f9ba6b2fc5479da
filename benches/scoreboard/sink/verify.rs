//! Reads back what a contestant has written, byte for byte.

use std::path::Path;

use super::load::Load;
use crate::Outcome;

/// Length of `2026-11-22T03:00:00.000000042Z`
const STAMP: usize = 30;

/// Reads lines as they come, in pieces of any size.
#[derive(Debug)]
pub(crate) struct Checker {
    /// The value that each producer has to go on with.
    next: Vec<u64>,
    /// Stamp, TAB and name of the line before: they sort as the total order does.
    last: Vec<u8>,
    torn: Vec<u8>,
    pub(crate) lines: u64,
    /// Lines that stand before one they should follow.
    pub(crate) inversions: u64,
    /// The first line that is no record, or not the next one of its producer.
    fault: Option<String>,
}

impl Checker {
    pub(crate) fn new(load: &Load) -> Self {
        Self {
            next: vec![0; load.producers],
            last: Vec::new(),
            torn: Vec::new(),
            lines: 0,
            inversions: 0,
            fault: None,
        }
    }

    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            if self.torn.is_empty() {
                self.line(line);
            } else {
                let mut whole = std::mem::take(&mut self.torn);
                whole.extend_from_slice(line);
                self.line(&whole);
                whole.clear();
                self.torn = whole;
            }
            bytes = &rest[1..];
        }
        self.torn.extend_from_slice(bytes);
    }

    fn line(&mut self, line: &[u8]) {
        let Some((key, producer, value)) = parse(line) else {
            return self.fault("no record", line);
        };
        match self.next.get_mut(producer) {
            Some(next) if *next == value => *next += 1,
            _ => self.fault("not the next record of its producer", line),
        }
        if *key < *self.last {
            self.inversions += 1;
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        self.lines += 1;
    }

    fn fault(&mut self, what: &str, line: &[u8]) {
        let line_number = self.lines + 1;
        self.fault.get_or_insert_with(|| {
            format!("line {line_number} is {what}: {}", String::from_utf8_lossy(line))
        });
    }

    /// Whether every record is there, once, in the order of its producer.
    pub(crate) fn complete(&self, load: &Load) -> Outcome {
        if let Some(fault) = &self.fault {
            return Err(fault.as_str().into());
        }
        if self.lines != load.records || !self.torn.is_empty() {
            let (lines, records) = (self.lines, load.records);
            return Err(format!("{lines} lines were written instead of {records}").into());
        }
        Ok(())
    }
}

/// Stamp and name, producer, value.
fn parse(line: &[u8]) -> Option<(&[u8], usize, u64)> {
    let name = line.get(STAMP..)?.strip_prefix(b"\tp")?;
    let tab = name.iter().position(|&byte| byte == b'\t')?;
    let (producer, value) = (number(&name[..tab])?, number(&name[tab + 1..])?);
    Some((&line[..STAMP + 2 + tab], usize::try_from(producer).ok()?, value))
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, &digit| {
        let digit = digit.is_ascii_digit().then_some(u64::from(digit.wrapping_sub(b'0')))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Checks a file and removes it; returns its length and how many inversions it has.
pub(crate) fn take_file(path: &Path, load: &Load) -> Outcome<(u64, u64)> {
    let bytes = std::fs::read(path)?;
    std::fs::remove_file(path)?;
    let mut checker = Checker::new(load);
    checker.feed(&bytes);
    checker.complete(load)?;
    Ok((bytes.len() as u64, checker.inversions))
}
