//! Reopening: torn tails at every byte, foreign content, flipped bits.

use brigade::clock::{ManualClock, Stamp};
use brigade::sink::{
    BinaryReader, BuildError, Encode, FileOutput, MemoryOutput, OrderedSink, Output, ReadError,
    Record, RecoverError, ValueError,
};

use super::device::{Device, Plan};
use super::ledger::assert_accounts;
use super::rows::{FORMATS, Format, Row};
use crate::watchdog::within;

const START: u64 = 1_795_316_400_000_000_000;

/// Pushes one record a value, ten nanoseconds apart, each in a round of its own.
fn append(
    format: Format,
    output: impl Output + 'static,
    start: u64,
    values: &[&str],
) -> Result<brigade::sink::Report, BuildError> {
    let clock = ManualClock::at(Stamp::from_nanos(start));
    let sink = OrderedSink::builder(format.encoding(), output).clock(clock.clone()).build()?;
    let mut producers =
        [sink.producer("a"), sink.producer("b, \"c\"")].map(|joined| joined.expect("a fresh name"));
    for (i, value) in values.iter().enumerate() {
        producers[i % 2].push((*value).to_owned()).expect("an open sink");
        sink.flush().expect("an open sink");
        clock.advance(std::time::Duration::from_nanos(10));
    }
    let outcome = sink.finish();
    assert_accounts(&outcome, values.len());
    Ok(outcome.expect("no fault"))
}

fn sample(format: Format) -> Vec<u8> {
    let memory = MemoryOutput::new();
    append(format, memory.clone(), START, &["x", "two words", "caf\u{e9}, \"q\"", ""])
        .expect("new");
    memory.contents()
}

/// Lengths at which the bytes so far are whole records, and how many.
fn ends(format: Format, bytes: &[u8]) -> Vec<(usize, Vec<Row>)> {
    (0..=bytes.len()).filter_map(|end| Some((end, format.read(&bytes[..end]).ok()?))).collect()
}

#[test]
fn a_tail_torn_at_any_byte_is_removed_and_the_rest_continued() {
    within("sink::recovery::torn", || {
        for format in FORMATS {
            let whole = sample(format);
            let ends = ends(format, &whole);
            assert_eq!(ends.last().expect("the whole").1.len(), 4, "{format:?}");
            for torn in 0..=whole.len() {
                let (keep, rows) =
                    ends.iter().rfind(|(end, _)| *end <= torn).expect("empty is whole");
                let memory = MemoryOutput::holding(whole[..torn].to_vec());
                // A clock far behind what the file has seen.
                let report = append(format, memory.clone(), 5, &["n1", "n2"])
                    .unwrap_or_else(|error| panic!("{format:?} torn at {torn}: {error}"));
                let recovered = report.recovered;
                assert_eq!(recovered.is_some(), torn > 0);
                if let Some(recovered) = recovered {
                    assert_eq!(recovered.kept, *keep as u64, "{format:?} torn at {torn}");
                    assert_eq!(recovered.removed, (torn - keep) as u64);
                    assert_eq!(recovered.last.map(Stamp::as_nanos), rows.last().map(|r| r.stamp));
                }
                let after = format.read(&memory.contents()).expect("whole records again");
                assert_eq!(after[..rows.len()], rows[..], "{format:?} torn at {torn}");
                let new: Vec<_> = after[rows.len()..].iter().map(|row| &*row.value).collect();
                assert_eq!(new, ["n1", "n2"]);
                assert!(after.windows(2).all(|pair| pair[0].stamp <= pair[1].stamp));
                if let (Some(last), Some(first)) = (rows.last(), after.get(rows.len())) {
                    assert!(first.stamp > last.stamp, "new stamps begin behind the last one");
                }
            }
        }
    });
}

#[test]
fn a_file_is_continued_again_and_again() {
    within("sink::recovery::files", || {
        let dir = tempfile::tempdir().expect("a directory");
        for format in FORMATS {
            let path = dir.path().join(format!("{format:?}"));
            for round in 0..5_u64 {
                let output = FileOutput::append(&path).expect("a writable file");
                append(format, output, START + round, &["v", "w", "x"]).expect("its own content");
            }
            let rows = format.read(&std::fs::read(&path).expect("a file")).expect("whole records");
            assert_eq!(rows.len(), 15);
            assert!(rows.windows(2).all(|pair| pair[0].stamp < pair[1].stamp), "{rows:?}");
        }
    });
}

#[test]
fn event_and_logical_time_continue_behind_the_last_stamp() {
    within("sink::recovery::modes", || {
        let memory = MemoryOutput::new();
        append(Format::Csv, memory.clone(), START, &["v"]).expect("new");
        let sink = OrderedSink::builder(Format::Csv.encoding(), memory.clone())
            .logical_time()
            .build()
            .expect("its own content");
        let mut producer = sink.producer("p").expect("a fresh name");
        assert_eq!(producer.promised(), Some(Stamp::from_nanos(START + 1)));
        assert!(producer.push_at(Stamp::from_nanos(START), "l".to_owned()).is_err());
        producer.push_at(Stamp::from_nanos(START + 1), "l".to_owned()).expect("behind it");
        assert_accounts(&sink.finish(), 1);
        let sink = OrderedSink::builder(Format::Csv.encoding(), memory.clone())
            .clock(ManualClock::at(Stamp::from_nanos(START)))
            .event_time(std::time::Duration::from_nanos(100))
            .build()
            .expect("its own content");
        let mut producer = sink.producer("p").expect("a fresh name");
        assert!(producer.push_at(Stamp::from_nanos(START + 1), "e".to_owned()).is_err());
        producer.push_at(Stamp::from_nanos(START + 2), "e".to_owned()).expect("behind it");
        assert_accounts(&sink.finish(), 1);
        let rows = Format::Csv.read(&memory.contents()).expect("whole records");
        assert_eq!(rows.iter().map(|row| row.stamp - START).collect::<Vec<_>>(), [0, 1, 2]);
    });
}

#[test]
fn an_output_that_ends_at_the_last_stamp_there_is_hangs_nobody() {
    within("sink::recovery::last stamp", || {
        for format in FORMATS {
            let memory = MemoryOutput::new();
            append(format, memory.clone(), Stamp::MAX.as_nanos(), &["v"]).expect("new");
            let sink = OrderedSink::builder(format.encoding(), memory.clone())
                .capacity(1)
                .build()
                .expect("its own content");
            let mut producer = sink.producer("p").expect("a fresh name");
            let mut accepted = 0;
            for _ in 0..3 {
                accepted += usize::from(producer.push("w".to_owned()).is_ok());
                sink.flush().expect("an open sink");
            }
            assert_accounts(&sink.finish(), accepted);
        }
    });
}

fn assert_refused(format: Format, content: &[u8]) {
    let memory = MemoryOutput::holding(content.to_vec());
    let shown = String::from_utf8_lossy(content);
    let error = append(format, memory.clone(), START, &["v"])
        .expect_err(&format!("{format:?} must not continue {shown:?}"));
    let BuildError::Recover(RecoverError::Foreign { .. }) = error else {
        panic!("{format:?} of {shown:?}: {error}");
    };
    assert_eq!(memory.contents(), content, "left untouched");
}

#[test]
fn foreign_content_is_refused_and_left_untouched() {
    within("sink::recovery::foreign", || {
        let foreign: [&[u8]; 9] = [
            b"hello",
            b"hello world, this is somebody's diary without a line feed at its end",
            b"hello\n",
            b"a,b,c\n1,2,3\n",
            b"{\"some\":\"object\"}\n",
            b"{\"some\":\"object\"",
            b"\n",
            b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            b"\xff\xfe\xfd",
        ];
        for format in FORMATS {
            for content in foreign {
                assert_refused(format, content);
            }
            for other in FORMATS {
                if other != format {
                    assert_refused(format, &sample(other));
                }
            }
        }
    });
}

#[test]
fn a_last_line_that_does_not_parse_is_refused() {
    within("sink::recovery::last line", || {
        for (format, line) in [
            (Format::Text, "2026-11-22T03:00:00.00000004Z\ta\t7\n"),
            (Format::Text, "2026-13-22T03:00:00.000000042Z\ta\t7\n"),
            (Format::Text, "2026-11-22T03:00:00.000000042Z a 7\n"),
            (Format::Text, "2026-11-22T03:00:00.000000042Z\ta\n"),
            (Format::Csv, "x,a,0,7\n"),
            (Format::Csv, "1,a,0\n"),
            (Format::Csv, "-1,a,0,7\n"),
            (Format::Ndjson, "{\"ts_ns\":-1,\"producer\":\"a\",\"seq\":0,\"value\":7}\n"),
            (Format::Ndjson, "{\"ts_ns\":1.5,\"producer\":\"a\",\"seq\":0,\"value\":7}\n"),
            (Format::Ndjson, "{\"ts_ns\":1} {}\n"),
        ] {
            let mut content = sample(format);
            content.extend_from_slice(line.as_bytes());
            assert_refused(format, &content);
        }
    });
}

#[test]
fn a_last_line_longer_than_every_buffer_is_found() {
    within("sink::recovery::long line", || {
        let long = "z".repeat(200_000);
        for format in FORMATS {
            let memory = MemoryOutput::new();
            append(format, memory.clone(), START, &["v", &long]).expect("new");
            let mut content = memory.contents();
            let whole = content.len();
            content.extend_from_within(whole - 150_000..whole - 1);
            let memory = MemoryOutput::holding(content);
            let report = append(format, memory.clone(), START, &["w"]).expect("its own content");
            assert_eq!(report.recovered.expect("content").kept, whole as u64);
            assert_eq!(format.read(&memory.contents()).expect("whole records").len(), 3);
        }
    });
}

#[test]
fn short_and_interrupted_reads_find_the_same_end() {
    within("sink::recovery::short reads", || {
        for format in FORMATS {
            let mut content = sample(format);
            let whole = content.len();
            content.truncate(whole - 3);
            let plan = Plan { short: Some(5), interrupted: true, ..Plan::default() };
            let device = Device::holding(content, plan);
            let report = append(format, device.output(), START, &["w"]).expect("its own content");
            assert!(report.recovered.expect("content").removed > 0);
            assert_eq!(format.read(&device.bytes()).expect("whole records").len(), 4);
        }
    });
}

/// Ends of the blocks of `bytes`, by their lengths alone.
fn blocks(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![0];
    while let Some(length) = bytes.get(ends[ends.len() - 1] + 4..ends[ends.len() - 1] + 8) {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        ends.push(ends[ends.len() - 1] + 32 + length);
    }
    ends
}

#[test]
fn every_flipped_bit_is_detected_by_the_reader() {
    within("sink::recovery::flip and read", || {
        let whole = sample(Format::Binary);
        let ends = blocks(&whole);
        assert_eq!(ends.len(), 5, "a block a record");
        let records: Vec<_> =
            BinaryReader::new(&whole[..]).map(|record| record.expect("whole")).collect();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let block = ends.iter().rposition(|&end| end <= bit / 8).expect("zero at least");
            let mut read = BinaryReader::new(&flipped[..]);
            for expected in &records[..block] {
                assert_eq!(read.next().expect("before the damage").expect("whole"), *expected);
            }
            match read.next() {
                Some(Err(ReadError::Damaged { at } | ReadError::Torn { at })) => {
                    assert_eq!(at, ends[block] as u64, "bit {bit}");
                }
                other => panic!("bit {bit} went unseen: {other:?}"),
            }
            assert!(read.next().is_none(), "nothing is read behind damage");
        }
    });
}

#[test]
fn reopening_never_removes_a_whole_block_however_bits_flip() {
    within("sink::recovery::flip and reopen", || {
        let whole = sample(Format::Binary);
        let ends = blocks(&whole);
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let block = ends.iter().rposition(|&end| end <= bit / 8).expect("zero at least");
            let memory = MemoryOutput::holding(flipped.clone());
            match append(Format::Binary, memory.clone(), START, &["n"]) {
                Err(BuildError::Recover(RecoverError::Foreign { at, .. })) => {
                    assert!(at == ends[block] as u64 || at == 0, "bit {bit}");
                    assert_eq!(memory.contents(), flipped, "left untouched");
                }
                Ok(report) => {
                    // Only the last block may go: it cannot be told from a torn one.
                    assert_eq!(block + 2, ends.len(), "bit {bit} cost whole blocks");
                    let recovered = report.recovered.expect("content");
                    assert_eq!(recovered.kept, ends[block] as u64);
                    assert_eq!(
                        recovered.removed,
                        (whole.len() - ends[block]) as u64,
                        "and says so"
                    );
                    let rows = Format::Binary.read(&memory.contents()).expect("whole again");
                    assert_eq!(rows.len(), block + 1);
                }
                Err(error) => panic!("bit {bit}: {error}"),
            }
        }
    });
}

#[test]
fn a_reader_tells_torn_from_damaged() {
    let whole = sample(Format::Binary);
    let ends = blocks(&whole);
    for torn in 0..whole.len() {
        let last = BinaryReader::new(&whole[..torn]).last();
        let at_end = ends.contains(&torn);
        match last {
            None => assert_eq!(torn, 0),
            Some(Ok(_)) => assert!(at_end, "a tear at {torn} went unseen"),
            Some(Err(ReadError::Torn { at })) => {
                assert!(!at_end && ends.iter().rfind(|&&end| end <= torn) == Some(&(at as usize)));
            }
            Some(Err(error)) => panic!("torn at {torn}: {error}"),
        }
    }
}

#[test]
fn garbage_is_refused_by_the_reader_without_a_panic() {
    let mut seed = 1_u64;
    for length in 0..600 {
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 56) as u8
            })
            .collect();
        let mut with_magic = b"brg1".to_vec();
        with_magic.extend_from_slice(&bytes);
        for bytes in [bytes, with_magic] {
            let records: Vec<_> = BinaryReader::new(&bytes[..]).collect();
            assert!(records.len() <= 1 && records.iter().all(Result::is_err));
        }
    }
}

#[test]
fn an_encoding_that_cannot_continue_says_so() {
    struct Bare;
    impl Encode<String> for Bare {
        fn encode(
            &mut self,
            record: &Record<'_, String>,
            out: &mut Vec<u8>,
        ) -> Result<(), ValueError> {
            out.extend_from_slice(record.value.as_bytes());
            Ok(())
        }
    }
    let memory = MemoryOutput::holding(b"something".to_vec());
    let built = OrderedSink::builder(Bare, memory.clone()).build();
    let Err(BuildError::Recover(RecoverError::Unsupported)) = built.map(drop) else {
        panic!("it must not guess");
    };
    assert_eq!(memory.contents(), b"something");
}
