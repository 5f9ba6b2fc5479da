//! Values in the notations of the four encodings.

use std::fmt::{self, Display, Write as _};

use serde::Serialize;

use super::digits::{EIGHT, append_small};

/// The notation that a value is asked to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notation {
    /// The last column of a line: anything but control characters that would break the line.
    Text,
    /// One CSV field, quoted where it must be.
    Csv,
    /// One JSON value.
    Json,
    /// Raw bytes; their number is stored beside them.
    Binary,
}

/// Why a value has no form in a notation.
#[derive(Debug)]
#[non_exhaustive]
pub enum ValueError {
    /// A character that would break the line into two columns or two lines.
    ControlCharacter {
        /// The byte.
        byte: u8,
        /// Where it stands in the value.
        at: usize,
    },
    /// NaN or an infinity where the notation has no form for them.
    NotFinite,
    /// The value's own formatting failed.
    Formatting(String),
}

impl Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlCharacter { byte, at } => write!(
                f,
                "byte {byte:#04x} at position {at} would break the line; escape it, or choose the \
                 NDJSON or binary encoding"
            ),
            Self::NotFinite => f.write_str(
                "JSON has no form for NaN and infinities; choose another encoding or map them first",
            ),
            Self::Formatting(why) => write!(f, "the value could not be formatted: {why}"),
        }
    }
}

impl std::error::Error for ValueError {}

/// A value that the shipped encodings can write.
///
/// Implemented for the numbers, `bool`, `char`, `str`, `String` and references to them; wrap
/// other types in [`Shown`] or [`Json`].
///
/// | Type | Text, CSV | JSON | Binary |
/// |---|---|---|---|
/// | integers | decimal digits | the same | little-endian, own width |
/// | floats | shortest that reads back; `NaN`, `inf`, `-inf` | the same; NaN and infinities refused | IEEE 754 bits, little-endian |
/// | `bool` | `true`, `false` | the same | one byte |
/// | strings, `char` | as they are; TAB (text), CR, LF, NUL refused; CSV quotes | escaped | UTF-8 |
///
/// # Examples
///
/// ```
/// use brigade::sink::{Field, Notation, ValueError};
///
/// struct Celsius(f32);
///
/// impl Field for Celsius {
///     fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError> {
///         self.0.write(notation, out)
///     }
/// }
///
/// let mut out = Vec::new();
/// Celsius(21.5).write(Notation::Text, &mut out)?;
/// assert_eq!(out, b"21.5");
/// # Ok::<(), ValueError>(())
/// ```
pub trait Field {
    /// Appends the value in `notation`.
    ///
    /// # Errors
    ///
    /// A [`ValueError`] if the value has no form there. What was appended is discarded.
    fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError>;

    /// Whether [`check`](Self::check) can refuse anything in `notation`.
    #[must_use]
    fn is_checked(notation: Notation) -> bool
    where
        Self: Sized,
    {
        let _ = notation;
        false
    }

    /// Refuses at the push what `write` could not express.
    ///
    /// # Errors
    ///
    /// The [`ValueError`] that `write` would give.
    fn check(&self, notation: Notation) -> Result<(), ValueError> {
        let _ = notation;
        Ok(())
    }
}

macro_rules! integers {
    ($($int:ty)*) => {$(
        impl Field for $int {
            #[inline]
            fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError> {
                match (notation, u32::try_from(*self)) {
                    (Notation::Binary, _) => out.extend_from_slice(&self.to_le_bytes()),
                    (_, Ok(small)) if small < EIGHT => append_small(small, out),
                    _ => out.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes()),
                }
                Ok(())
            }
        }
    )*};
}

integers!(u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 usize isize);

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl Field for $float {
            #[inline]
            fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError> {
                match notation {
                    Notation::Binary => out.extend_from_slice(&self.to_le_bytes()),
                    Notation::Json if !self.is_finite() => return Err(ValueError::NotFinite),
                    _ => out.extend_from_slice(zmij::Buffer::new().format(*self).as_bytes()),
                }
                Ok(())
            }

            fn is_checked(notation: Notation) -> bool {
                notation == Notation::Json
            }

            fn check(&self, notation: Notation) -> Result<(), ValueError> {
                if notation == Notation::Json && !self.is_finite() {
                    return Err(ValueError::NotFinite);
                }
                Ok(())
            }
        }
    )*};
}

floats!(f32 f64);

impl Field for bool {
    fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match notation {
            Notation::Binary => out.push(u8::from(*self)),
            _ => out.extend_from_slice(if *self { b"true" } else { b"false" }),
        }
        Ok(())
    }
}

fn breaks_line(text: &str, notation: Notation) -> Result<(), ValueError> {
    let breaking = |byte: u8| match notation {
        Notation::Text => matches!(byte, b'\t' | b'\n' | b'\r' | 0),
        Notation::Csv => matches!(byte, b'\n' | b'\r' | 0),
        Notation::Json | Notation::Binary => false,
    };
    match text.bytes().position(breaking) {
        Some(at) => Err(ValueError::ControlCharacter { byte: text.as_bytes()[at], at }),
        None => Ok(()),
    }
}

impl Field for str {
    fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError> {
        self.check(notation)?;
        match notation {
            Notation::Text | Notation::Binary => out.extend_from_slice(self.as_bytes()),
            Notation::Csv => quote_csv(self, out),
            Notation::Json => write_json(self, out)?,
        }
        Ok(())
    }

    fn check(&self, notation: Notation) -> Result<(), ValueError> {
        breaks_line(self, notation)
    }
}

macro_rules! texts {
    ($($text:ty)*) => {$(
        impl Field for $text {
            fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError> {
                str::write(self, notation, out)
            }

            fn is_checked(notation: Notation) -> bool {
                matches!(notation, Notation::Text | Notation::Csv)
            }

            fn check(&self, notation: Notation) -> Result<(), ValueError> {
                str::check(self, notation)
            }
        }
    )*};
}

texts!(String Box<str> std::sync::Arc<str> std::borrow::Cow<'_, str>);

impl Field for char {
    fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError> {
        (*self.encode_utf8(&mut [0; 4])).write(notation, out)
    }

    fn is_checked(notation: Notation) -> bool {
        String::is_checked(notation)
    }

    fn check(&self, notation: Notation) -> Result<(), ValueError> {
        breaks_line(self.encode_utf8(&mut [0; 4]), notation)
    }
}

impl<T: Field + ?Sized> Field for &T {
    fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError> {
        (**self).write(notation, out)
    }

    fn is_checked(notation: Notation) -> bool {
        // An unsized value cannot be asked; a check that finds nothing costs little.
        let _ = notation;
        true
    }

    fn check(&self, notation: Notation) -> Result<(), ValueError> {
        (**self).check(notation)
    }
}

/// Lets anything that implements [`Display`] be written, as its text.
///
/// The text is made by the writer, so a text that breaks the line is found there and not at the
/// push; the record then comes back from `finish`.
///
/// # Examples
///
/// ```
/// use brigade::sink::{Field, Notation, Shown};
/// use std::net::Ipv4Addr;
///
/// let mut out = Vec::new();
/// Shown(Ipv4Addr::LOCALHOST).write(Notation::Json, &mut out)?;
/// assert_eq!(out, b"\"127.0.0.1\"");
/// # Ok::<(), brigade::sink::ValueError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown<T>(pub T);

impl<T: Display> Field for Shown<T> {
    fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let mut text = String::new();
        write!(text, "{}", self.0)
            .map_err(|_| ValueError::Formatting("its Display returned an error".into()))?;
        str::write(&text, notation, out)
    }
}

/// Lets anything that implements [`Serialize`] be written, as JSON: a nested value in NDJSON, its
/// JSON text elsewhere.
///
/// # Examples
///
/// ```
/// use brigade::sink::{Field, Json, Notation};
///
/// let mut out = Vec::new();
/// Json((1, "two")).write(Notation::Json, &mut out)?;
/// assert_eq!(out, b"[1,\"two\"]");
/// # Ok::<(), brigade::sink::ValueError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> Field for Json<T> {
    fn write(&self, notation: Notation, out: &mut Vec<u8>) -> Result<(), ValueError> {
        if notation == Notation::Csv {
            let text = serde_json::to_string(&self.0)
                .map_err(|error| ValueError::Formatting(error.to_string()))?;
            quote_csv(&text, out);
            return Ok(());
        }
        write_json(&self.0, out)
    }
}

fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), ValueError> {
    serde_json::to_writer(out, value).map_err(|error| ValueError::Formatting(error.to_string()))
}

/// Appends one CSV field, quoted where it must be.
pub(super) fn quote_csv(text: &str, out: &mut Vec<u8>) {
    let mut writer = csv_core::Writer::new();
    let mut from = text.as_bytes();
    let mut chunk = [0; 256];
    loop {
        let (result, read, wrote) = writer.field(from, &mut chunk);
        out.extend_from_slice(&chunk[..wrote]);
        from = &from[read..];
        if result == csv_core::WriteResult::InputEmpty {
            break;
        }
    }
    let (_, wrote) = writer.finish(&mut chunk);
    out.extend_from_slice(&chunk[..wrote]);
}
