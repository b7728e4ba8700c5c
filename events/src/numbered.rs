//! Enumerations that stand in bodies by explicit numbers, so that the order of variants never reaches the disk.

/// Declares one: `numbered! { /// … pub enum Name("what is said of another number") { /// … Variant = 1, } }`.
macro_rules! numbered {
    ($($(#[$doc:meta])* pub enum $name:ident($complaint:literal) { $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(try_from = "u8", into = "u8")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl From<$name> for u8 {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$variant => $number,)*
                }
            }
        }

        impl TryFrom<u8> for $name {
            type Error = &'static str;

            fn try_from(number: u8) -> Result<Self, Self::Error> {
                match number {
                    $($number => Ok(Self::$variant),)*
                    _ => Err($complaint),
                }
            }
        }
    )*};
}
pub(crate) use numbered;
