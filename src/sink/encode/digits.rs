//! Decimal digits, eight of them in one word.

const ASCII: u64 = 0x3030_3030_3030_3030;

/// What has at most eight digits is below it.
pub(super) const EIGHT: u32 = 100_000_000;

/// The eight digits of `number`, which is below [`EIGHT`], one a byte, the highest in the lowest:
/// halves, quarters and eighths are split side by side. (Khuong, How to print integers really
/// fast, 2017.)
#[inline]
const fn eight(number: u32) -> u64 {
    const HUNDREDTH: u64 = 10_486; // of 2^20
    const TENTH: u64 = 103; // of 2^10
    let number = number as u64;
    let high = number / 10_000;
    let halves = high | (number - high * 10_000) << 32;
    let tops = ((halves * HUNDREDTH) >> 20) & 0x0000_007f_0000_007f;
    let quarters = tops | (halves - tops * 100) << 16;
    let tops = ((quarters * TENTH) >> 10) & 0x000f_000f_000f_000f;
    tops | (quarters - tops * 10) << 8
}

/// `number`, which is below 10^6, as text of six bytes.
#[inline]
pub(super) fn six_digits(number: u32) -> [u8; 6] {
    let [_, _, text @ ..] = (eight(number) | ASCII).to_le_bytes();
    text
}

/// `number`, which is below 1000, as text of three bytes.
#[inline]
pub(super) fn three_digits(number: u32) -> [u8; 3] {
    let hundreds = (number * 41) >> 12;
    let rest = number - 100 * hundreds;
    let tens = (rest * 103) >> 10;
    let ones = rest - 10 * tens;
    [hundreds, tens, ones].map(|digit| b'0' | digit as u8)
}

/// Appends `number`, which is below [`EIGHT`], without leading zeros.
#[inline]
pub(super) fn append_small(number: u32, out: &mut Vec<u8>) {
    let digits = eight(number);
    // The last digit stays, also if it is zero.
    let zeros = (digits | 1 << 56).trailing_zeros() / 8;
    let text = (digits | ASCII) >> (8 * zeros);
    let len = out.len() + 8 - zeros as usize;
    out.extend_from_slice(&text.to_le_bytes());
    out.truncate(len);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn appended(number: u32) -> String {
        let mut out = b"before ".to_vec();
        append_small(number, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    fn check(number: u32) {
        assert_eq!(appended(number), format!("before {number}"));
        let (six, three) = (number % 1_000_000, number % 1_000);
        assert_eq!(six_digits(six), *format!("{six:06}").as_bytes());
        assert_eq!(three_digits(three), *format!("{three:03}").as_bytes());
    }

    #[test]
    fn every_pair_of_digits_at_every_place() {
        for place in [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000] {
            (0..100).for_each(|pair| check(pair * place % EIGHT));
        }
        check(EIGHT - 1);
    }

    #[test]
    fn every_half() {
        for half in 0..10_000 {
            check(half);
            check(half * 10_000);
            check(half * 10_000 + 9_999 - half);
        }
    }

    proptest! {
        #[test]
        fn the_same_text_as_the_standard_library_makes(number in 0..EIGHT) {
            check(number);
        }
    }
}
