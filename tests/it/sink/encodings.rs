//! Every encoding read back, and values that do their worst.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use brigade::clock::{ManualClock, Stamp};
use brigade::sink::{
    BinaryReader, Cause, Csv, Encode, Field, Json, MemoryOutput, Ndjson, Notation, OrderedSink,
    ProducerId, Record, Refusal, Shown, SinkError, Text, ValueError,
};
use proptest::prelude::*;

use super::device::{Device, Plan};
use super::ledger::assert_accounts;
use super::rows::{FORMATS, Format};
use crate::watchdog::within;

const AT: u64 = 1_795_316_400_000_000_042;

fn written<T: Field + Send + 'static>(format: Format, values: Vec<T>) -> Vec<u8> {
    let memory = MemoryOutput::new();
    let sink = OrderedSink::builder(format.encoding(), memory.clone())
        .clock(ManualClock::at(Stamp::from_nanos(AT)))
        .build()
        .expect("a sound setting");
    let mut producer = sink.producer("chef").expect("a fresh name");
    let count = values.len();
    for value in values {
        producer.push(value).expect("an expressible value");
    }
    assert_accounts(&sink.finish(), count);
    memory.contents()
}

/// The last column as it stands in the output.
fn texts<T: Field + Send + 'static>(format: Format, values: Vec<T>) -> Vec<String> {
    let rows = format.read(&written(format, values)).expect("whole records");
    rows.into_iter().map(|row| row.value).collect()
}

fn bytes<T: Field + Send + 'static>(values: Vec<T>) -> Vec<Vec<u8>> {
    let bytes = written(Format::Binary, values);
    BinaryReader::new(&bytes[..]).map(|record| record.expect("whole records").value).collect()
}

#[test]
fn numbers_stand_as_documented() {
    within("sink::encodings::numbers", || {
        for format in [Format::Text, Format::Csv, Format::Ndjson] {
            assert_eq!(
                texts(format, vec![i64::MIN, -1, 0, i64::MAX]),
                ["-9223372036854775808", "-1", "0", "9223372036854775807"]
            );
            assert_eq!(texts(format, vec![u8::MAX]), ["255"]);
            assert_eq!(texts(format, vec![true, false]), ["true", "false"]);
            let floats = vec![0.1, -0.0, 1e300, f64::MIN_POSITIVE, 1.0 / 3.0];
            for (text, float) in texts(format, floats.clone()).iter().zip(floats) {
                let read: f64 = text.parse().expect("a number");
                assert_eq!(read.to_bits(), float.to_bits(), "{text} reads back");
            }
        }
        assert_eq!(texts(Format::Text, vec![u128::MAX]), [u128::MAX.to_string()]);
        assert_eq!(bytes(vec![0x0102_0304_u32]), [[4, 3, 2, 1]]);
        assert_eq!(bytes(vec![-2_i16]), [[0xfe, 0xff]]);
        assert_eq!(bytes(vec![true]), [[1]]);
        assert_eq!(bytes(vec![0.1_f64]), [0.1_f64.to_le_bytes()]);
        assert_eq!(bytes(vec!['é']), ["é".as_bytes()]);
    });
}

#[test]
fn nan_and_infinities_stand_where_they_can() {
    within("sink::encodings::not finite", || {
        let odd = || vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        for format in [Format::Text, Format::Csv] {
            assert_eq!(texts(format, odd()), ["NaN", "inf", "-inf"]);
            let single = vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
            assert_eq!(texts(format, single), ["NaN", "inf", "-inf"]);
        }
        let back: Vec<u64> = bytes(odd())
            .into_iter()
            .map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
            .collect();
        assert_eq!(back, odd().into_iter().map(f64::to_bits).collect::<Vec<_>>());
    });
}

#[test]
fn ndjson_refuses_nan_and_infinities_at_the_push() {
    within("sink::encodings::ndjson nan", || {
        let memory = MemoryOutput::new();
        let sink = OrderedSink::builder(Ndjson::new(), memory.clone()).build();
        let sink = sink.expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = producer.push(odd).expect_err("JSON has no form for it");
            assert!(matches!(error.reason, Refusal::Value(ValueError::NotFinite)), "{error}");
            assert_eq!(error.value.to_bits(), odd.to_bits(), "the value comes back");
        }
        let mut batch = vec![1.5, 2.5, f64::NAN, 3.5];
        let error = producer.push_batch(&mut batch).expect_err("the third");
        assert!(matches!(error.reason, Refusal::Value(ValueError::NotFinite)), "{error}");
        assert_eq!(batch.len(), 2);
        assert!(batch[0].is_nan() && batch[1] == 3.5);
        let report = sink.finish().expect("no fault: refused is not accepted");
        assert_eq!((report.accepted, report.invalid), (2, 4));
    });
}

#[test]
fn what_breaks_a_line_is_refused_at_the_push() {
    within("sink::encodings::line breaks", || {
        let cases: [(Format, &[char], &[char]); 4] = [
            (Format::Text, &['\t', '\n', '\r', '\0'], &[',', '"', '\u{1}', '\u{85}', '\u{2028}']),
            (Format::Csv, &['\n', '\r', '\0'], &['\t', ',', '"', '\u{1}', '\u{2028}']),
            (Format::Ndjson, &[], &['\t', '\n', '\r', '\0', '"', '\\', '\u{2028}']),
            (Format::Binary, &[], &['\t', '\n', '\r', '\0', '"', '\\']),
        ];
        for (format, refused, accepted) in cases {
            let memory = MemoryOutput::new();
            let sink = OrderedSink::builder(format.encoding(), memory.clone()).build();
            let sink = sink.expect("a sound setting");
            let mut producer = sink.producer("p").expect("a fresh name");
            for c in refused {
                let value = format!("ab{c}cd");
                let error = producer.push(value.clone()).expect_err("it breaks the line");
                assert_eq!(error.value, value, "the value comes back");
                let Refusal::Value(ValueError::ControlCharacter { byte, at }) = error.reason else {
                    panic!("{error}");
                };
                assert_eq!((u32::from(byte), at), (u32::from(*c), 2));
            }
            let mut expected = Vec::new();
            for c in accepted {
                expected.push(format!("ab{c}cd"));
                producer.push(format!("ab{c}cd")).expect("an expressible value");
            }
            let report = sink.finish().expect("refused is not accepted");
            assert_eq!(report.invalid, refused.len() as u64);
            let rows = format.read(&memory.contents()).expect("whole records");
            assert_eq!(
                rows.iter().map(|row| &row.value).collect::<Vec<_>>(),
                Vec::from_iter(&expected)
            );
        }
    });
}

#[test]
fn borrowed_and_wrapped_texts_are_checked_too() {
    within("sink::encodings::wrapped", || {
        fn refused<T: Field + Send + 'static>(value: T) {
            let sink = OrderedSink::builder(Text::new(), MemoryOutput::new()).build();
            let sink = sink.expect("a sound setting");
            let pushed = sink.producer("p").expect("a fresh name").push(value);
            let error = pushed.expect_err("a TAB");
            assert!(matches!(error.reason, Refusal::Value(_)), "{error}");
            assert_accounts(&sink.finish(), 0);
        }
        refused("a\tb");
        refused('\t');
        refused(String::from("a\tb"));
        refused(Box::<str>::from("a\tb"));
        refused(std::sync::Arc::<str>::from("a\tb"));
        refused(std::borrow::Cow::Borrowed("a\tb"));
    });
}

#[test]
fn a_shown_text_that_breaks_the_line_comes_back_from_finish() {
    within("sink::encodings::shown", || {
        for format in [Format::Text, Format::Csv] {
            let memory = MemoryOutput::new();
            let sink = OrderedSink::builder(format.encoding(), memory.clone())
                .clock(ManualClock::at(Stamp::from_nanos(AT)))
                .build()
                .expect("a sound setting");
            let mut producer = sink.producer("p").expect("a fresh name");
            let mut batch = ["one", "two\nlines", "three"].map(Shown).to_vec();
            producer.push_batch(&mut batch).expect("accepted unseen");
            let outcome = sink.finish();
            assert_accounts(&outcome, 3);
            let error = outcome.expect_err("one is inexpressible");
            assert!(matches!(
                error.failure().cause(),
                Cause::Encode { producer, error: ValueError::ControlCharacter { byte: b'\n', at: 3 }, .. }
                    if producer == "p"
            ));
            let left = error.into_unwritten();
            assert_eq!(left.len(), 1);
            assert_eq!(
                (left[0].value, left[0].sequence, &*left[0].name),
                (Shown("two\nlines"), 1, "p")
            );
            let rows = format.read(&memory.contents()).expect("whole records");
            assert_eq!(rows.iter().map(|row| &*row.value).collect::<Vec<_>>(), ["one", "three"]);
        }
    });
}

#[test]
fn a_display_that_fails_comes_back_from_finish() {
    #[derive(Debug)]
    struct Mute;
    impl fmt::Display for Mute {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    within("sink::encodings::mute", || {
        let sink = OrderedSink::builder(Text::new(), MemoryOutput::new()).build();
        let sink = sink.expect("a sound setting");
        sink.producer("p").expect("a fresh name").push(Shown(Mute)).expect("accepted unseen");
        let outcome = sink.finish();
        assert_accounts(&outcome, 1);
        assert_eq!(outcome.expect_err("inexpressible").unwritten().len(), 1);
    });
}

#[test]
fn nested_json_stands_as_documented() {
    within("sink::encodings::json", || {
        let value = || Json(serde_json::json!({"a": [1, "x,\"y\"\n"], "b": null}));
        let text = "{\"a\":[1,\"x,\\\"y\\\"\\n\"],\"b\":null}";
        for format in FORMATS {
            assert_eq!(texts(format, vec![value()]), [text], "{format:?}");
        }
    });
}

#[test]
fn names_of_every_kind_read_back() {
    within("sink::encodings::names", || {
        let names = ["plain", "with space", "a,b", "say \"hi\"", "é\u{1f600}\u{2028}", "\\", "'"];
        for format in FORMATS {
            let memory = MemoryOutput::new();
            let sink = OrderedSink::builder(format.encoding(), memory.clone()).build();
            let sink = sink.expect("a sound setting");
            for name in names {
                let mut producer = sink.producer(name).expect("a usable name");
                producer.push(name.to_owned()).expect("an open sink");
            }
            assert_accounts(&sink.finish(), names.len());
            let rows = format.read(&memory.contents()).expect("whole records");
            assert_eq!(rows.len(), names.len());
            assert!(rows.iter().all(|row| row.name == row.value), "{format:?}: {rows:?}");
        }
    });
}

#[test]
fn values_larger_than_every_buffer_read_back() {
    within("sink::encodings::large", || {
        for format in FORMATS {
            let values: Vec<String> = [0, 1, 70_000, 300_000, 3, 1_000_000, 2]
                .iter()
                .map(|&length| "ab\"c".chars().cycle().take(length).collect())
                .collect();
            assert_eq!(texts(format, values.clone()), values, "{format:?}");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_refused_or_reads_back(values in proptest::collection::vec(any::<String>(), 0..20)) {
        for format in FORMATS {
            let values = values.clone();
            within("sink::encodings::any text", move || {
                let memory = MemoryOutput::new();
                let sink = OrderedSink::builder(format.encoding(), memory.clone()).build();
                let sink = sink.expect("a sound setting");
                let mut producer = sink.producer("p").expect("a fresh name");
                let breaks: &[char] = match format {
                    Format::Text => &['\t', '\n', '\r', '\0'],
                    Format::Csv => &['\n', '\r', '\0'],
                    Format::Ndjson | Format::Binary => &[],
                };
                let mut accepted = Vec::new();
                for value in values {
                    match producer.push(value.clone()) {
                        Ok(_) => accepted.push(value),
                        Err(error) => {
                            assert_eq!(error.value, value);
                            assert!(value.contains(breaks), "refused without need: {value:?}");
                        }
                    }
                }
                assert_accounts(&sink.finish(), accepted.len());
                let rows = format.read(&memory.contents()).expect("whole records");
                assert_eq!(rows.into_iter().map(|row| row.value).collect::<Vec<_>>(), accepted);
            });
        }
    }
}

/// A value that fails or panics while it is being written, after half of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fickle {
    Fine(u32),
    Refuses,
    Panics,
}

impl Field for Fickle {
    fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match self {
            Self::Fine(number) => return number.to_string().write(notation, out),
            Self::Refuses => {}
            Self::Panics => {
                out.extend_from_slice(b"half");
                panic!("this value explodes");
            }
        }
        out.extend_from_slice(b"half a");
        Err(ValueError::Formatting("not today".into()))
    }
}

/// Every place of one value at fault among ten: before, at and behind it everything is written.
fn one_at_fault(format: Format, fault: &Fickle, together: bool) {
    for place in 0..10 {
        let memory = MemoryOutput::new();
        let sink = OrderedSink::builder(format.encoding(), memory.clone())
            .clock(ManualClock::at(Stamp::from_nanos(AT)))
            .build()
            .expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        let mut values: Vec<Fickle> = (0..10).map(Fickle::Fine).collect();
        values[place] = fault.clone();
        let mut accepted = 0;
        if together {
            producer.push_batch(&mut values).expect("accepted unseen");
            accepted = 10;
        } else {
            // The sink may fail between two pushes: those behind it are refused, not lost.
            for value in values {
                accepted += usize::from(producer.push(value).is_ok());
            }
        }
        let outcome = sink.finish();
        assert_accounts(&outcome, accepted);
        let error = match outcome {
            Err(error) => error,
            Ok(report) => {
                assert!(accepted <= place, "{report}");
                continue;
            }
        };
        assert_fault(&error, fault, place);
        let rows = format.read(&memory.contents()).expect("whole records");
        let expected: Vec<String> =
            (0..accepted).filter(|&i| i != place).map(|i| i.to_string()).collect();
        assert_eq!(rows.iter().map(|row| row.value.clone()).collect::<Vec<_>>(), expected);
        if let Some(sequences) = rows.iter().map(|row| row.sequence).collect::<Option<Vec<_>>>() {
            let expected = (0..accepted).filter(|&i| i != place).map(|i| i as u64);
            assert!(sequences.into_iter().eq(expected), "the gap shows in the sequence numbers");
        }
    }
}

fn assert_fault(error: &SinkError<Fickle>, fault: &Fickle, place: usize) {
    match (fault, error.failure().cause()) {
        (Fickle::Refuses, Cause::Encode { producer, error, .. }) => {
            assert_eq!((producer.as_str(), error.to_string().contains("not today")), ("p", true));
        }
        (Fickle::Panics, Cause::Panicked { message }) => assert_eq!(message, "this value explodes"),
        other => panic!("{other:?}"),
    }
    let [left] = error.unwritten() else { panic!("exactly the one at fault: {error:?}") };
    assert_eq!((&left.value, left.sequence, &*left.name), (fault, place as u64, "p"));
}

#[test]
fn a_value_that_fails_at_any_place_leaves_its_neighbours_written() {
    within("sink::encodings::fails", || {
        for format in FORMATS {
            one_at_fault(format, &Fickle::Refuses, true);
            one_at_fault(format, &Fickle::Refuses, false);
        }
    });
}

#[test]
fn a_value_that_panics_at_any_place_leaves_its_neighbours_written() {
    within("sink::encodings::panics", || {
        for format in FORMATS {
            one_at_fault(format, &Fickle::Panics, true);
            one_at_fault(format, &Fickle::Panics, false);
        }
    });
}

/// What was accepted behind the value at fault, and not yet taken over, is a neighbour too.
#[test]
fn what_waits_behind_a_value_at_fault_is_written() {
    within("sink::encodings::behind", || {
        for fault in [Fickle::Refuses, Fickle::Panics] {
            for format in FORMATS {
                let device = Device::default();
                let sink = OrderedSink::builder(format.encoding(), device.output())
                    .build()
                    .expect("a sound setting");
                let mut producer = sink.producer("p").expect("a fresh name");
                let before = device.writing().arrivals();
                device.writing().shut();
                let mut batch = vec![Fickle::Fine(1), fault.clone(), Fickle::Fine(2)];
                producer.push_batch(&mut batch).expect("accepted unseen");
                device.writing().await_arrivals(before + 1);
                // The writer has met the fault and is busy writing the others.
                producer.push(Fickle::Fine(3)).expect("the failure is not known yet");
                device.writing().open();
                let outcome = sink.finish();
                assert_accounts(&outcome, 4);
                let error = outcome.expect_err("one is at fault");
                assert_eq!(error.unwritten().len(), 1, "{format:?}: {error}");
                let rows = format.read(&device.bytes()).expect("whole records");
                let values: Vec<_> = rows.iter().map(|row| &*row.value).collect();
                assert_eq!(values, ["1", "2", "3"]);
            }
        }
    });
}

/// Refused values and a device that refuses once: the bytes that were lost are not called written.
#[test]
fn a_fault_of_a_value_does_not_hide_a_fault_of_the_device() {
    within("sink::encodings::two faults", || {
        for format in FORMATS {
            let device = Device::default();
            let sink = OrderedSink::builder(format.encoding(), device.output())
                .build()
                .expect("a sound setting");
            let mut producer = sink.producer("p").expect("a fresh name");
            let room = device.bytes().len();
            device.replan(|plan| {
                plan.room = Some(room);
                plan.relents_after = Some(1);
            });
            let before = device.writing().arrivals();
            device.writing().shut();
            let mut batch = vec![Fickle::Fine(1), Fickle::Refuses, Fickle::Fine(2)];
            producer.push_batch(&mut batch).expect("accepted unseen");
            device.writing().await_arrivals(before + 1);
            producer.push(Fickle::Fine(3)).expect("the failure is not known yet");
            device.writing().open();
            let outcome = sink.finish();
            assert_accounts(&outcome, 4);
            let error = outcome.expect_err("two faults");
            let rows = format.read(&device.bytes()).expect("whole records");
            assert_eq!(rows.len() as u64, error.report().written, "{format:?}: {error}");
            assert_eq!(error.unwritten().len(), 4 - rows.len());
        }
    });
}

/// A value whose destructor panics, once written and let go of.
#[derive(Debug)]
struct Grenade {
    number: u32,
    armed: bool,
}

static DROPS: AtomicU32 = AtomicU32::new(0);

impl Drop for Grenade {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::SeqCst);
        if self.armed && std::thread::current().name() == Some("brigade-sink") {
            panic!("the destructor of {} panics", self.number);
        }
    }
}

impl Field for Grenade {
    fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError> {
        if self.number == 99 {
            return Err(ValueError::Formatting("99".into()));
        }
        self.number.to_string().write(notation, out)
    }
}

#[test]
fn values_whose_destructors_panic_cost_nothing_but_the_good_name() {
    within("sink::encodings::grenades", || {
        // One, two and all of them, alone and with a value that is refused behind them.
        for armed in [vec![0], vec![3], vec![2, 5], (0..8).collect()] {
            for refused in [None, Some(7)] {
                let memory = MemoryOutput::new();
                let sink = OrderedSink::builder(Format::Csv.encoding(), memory.clone())
                    .clock(ManualClock::at(Stamp::from_nanos(AT)))
                    .build()
                    .expect("a sound setting");
                let mut producer = sink.producer("p").expect("a fresh name");
                let mut batch: Vec<Grenade> = (0..8)
                    .map(|number| Grenade { number, armed: armed.contains(&number) })
                    .collect();
                if let Some(at) = refused {
                    batch[at].number = 99;
                }
                DROPS.store(0, Ordering::SeqCst);
                producer.push_batch(&mut batch).expect("an open sink");
                let outcome = sink.finish();
                assert_accounts(&outcome, 8);
                let error = outcome.expect_err("a destructor panicked");
                let left: Vec<u32> =
                    error.unwritten().iter().map(|left| left.value.number).collect();
                assert_eq!(left, refused.map(|_| 99).into_iter().collect::<Vec<_>>());
                assert_eq!(error.report().written, 8 - left.len() as u64);
                let rows = Format::Csv.read(&memory.contents()).expect("whole records");
                assert_eq!(rows.len(), 8 - left.len());
                drop(error);
                assert_eq!(DROPS.load(Ordering::SeqCst), 8, "each dropped once");
            }
        }
    });
}

/// A panic whose payload panics in turn when it is dropped.
#[test]
fn a_payload_that_panics_when_dropped_hangs_nobody() {
    struct Mean;
    impl Field for Mean {
        fn write(&self, _: Notation, _: &mut Vec<u8>) -> Result<(), ValueError> {
            std::panic::panic_any(Grenade { number: 0, armed: true });
        }
    }
    within("sink::encodings::payload", || {
        let sink = OrderedSink::builder(Text::new(), MemoryOutput::new()).build();
        let sink = sink.expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push_batch(&mut vec![Mean, Mean]).expect("accepted unseen");
        let outcome = sink.finish();
        assert_accounts(&outcome, 2);
        let error = outcome.expect_err("both panic");
        let Cause::Panicked { message } = error.failure().cause() else { panic!("{error}") };
        assert_eq!((message.as_str(), error.unwritten().len()), ("a payload that is not text", 2));
    });
}

/// An encoder that panics outside of `encode`.
#[derive(Default)]
struct Temperamental {
    panics_at_producer: bool,
    panics_at_seal: bool,
    panics_at_drop: bool,
}

impl Encode<u32> for Temperamental {
    fn producer(&mut self, _: ProducerId, name: &str) {
        assert!(!self.panics_at_producer || name == "fine", "no such name");
    }

    fn encode(&mut self, record: &Record<'_, u32>, out: &mut Vec<u8>) -> Result<(), ValueError> {
        out.extend_from_slice(record.value.to_string().as_bytes());
        Ok(())
    }

    fn seal(&mut self, out: &mut Vec<u8>) {
        assert!(!self.panics_at_seal || out.is_empty(), "no seal");
    }
}

impl Drop for Temperamental {
    fn drop(&mut self) {
        assert!(!self.panics_at_drop, "not going");
    }
}

fn temperamental(encoder: Temperamental) -> (usize, SinkError<u32>) {
    let sink = OrderedSink::builder(encoder, MemoryOutput::new())
        .clock(ManualClock::at(Stamp::from_nanos(AT)))
        .build()
        .expect("a sound setting");
    let mut fine = sink.producer("fine").expect("a fresh name");
    let mut odd = sink.producer("odd").expect("a fresh name");
    let mut third = sink.producer("third").expect("a fresh name");
    let mut accepted = 0;
    for value in 0..3 {
        accepted += usize::from(fine.push(value).is_ok());
        accepted += usize::from(odd.push(value).is_ok());
        accepted += usize::from(third.push(value).is_ok());
    }
    let outcome = sink.finish();
    assert_accounts(&outcome, accepted);
    (accepted, outcome.expect_err("it panicked"))
}

#[test]
fn an_encoder_that_panics_at_a_name_loses_nothing_and_hangs_nobody() {
    within("sink::encodings::name panic", || {
        let encoder = Temperamental { panics_at_producer: true, ..Default::default() };
        let (_, error) = temperamental(encoder);
        let Cause::Panicked { message } = error.failure().cause() else { panic!("{error}") };
        assert_eq!(message, "no such name");
    });
}

#[test]
fn an_encoder_that_panics_at_its_seal_loses_nothing_and_hangs_nobody() {
    within("sink::encodings::seal panic", || {
        let encoder = Temperamental { panics_at_seal: true, ..Default::default() };
        let (accepted, error) = temperamental(encoder);
        assert_eq!(error.unwritten().len(), accepted);
    });
}

#[test]
fn an_encoder_that_panics_when_dropped_hangs_nobody() {
    within("sink::encodings::drop panic", || {
        let encoder = Temperamental { panics_at_drop: true, ..Default::default() };
        let (accepted, error) = temperamental(encoder);
        assert_eq!((error.report().written, error.unwritten().len()), (accepted as u64, 0));
    });
}

#[test]
fn a_header_is_written_once() {
    within("sink::encodings::header", || {
        let device = Device::new(Plan::default());
        let sink: OrderedSink<u32> =
            OrderedSink::builder(Csv::new(), device.output()).build().expect("a sound setting");
        assert_eq!(device.text(), "ts_ns,producer,seq,value\n", "before the first record");
        let report = sink.finish().expect("no fault");
        assert_eq!((report.accepted, report.bytes), (0, 25));
        assert_eq!(device.text(), "ts_ns,producer,seq,value\n");
    });
}
