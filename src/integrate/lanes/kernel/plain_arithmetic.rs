//! Arithmetic, a lane at a time.

use super::Eight;
use super::vector::each;

macro_rules! operations {
    ($($name:ident, $operator:tt;)*) => {
        $(
            #[inline(always)]
            pub(crate) fn $name(a: Eight, b: Eight) -> Eight {
                each(|i| a[i] $operator b[i]).0
            }
        )*
    };
}

operations! {
    add, +;
    sub, -;
    mul, *;
    div, /;
}

#[inline(always)]
pub(crate) fn neg(x: Eight) -> Eight {
    x.map(|x| -x)
}
