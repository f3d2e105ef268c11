//! How a field of a typed config gets its value from the layers.

use crate::keys;
use crate::settings::Settings;
use crate::value::Value;

/// A type that a field of a typed config may have.
pub(crate) trait Field: Sized {
    /// From the value of a key, none being null.
    fn of(value: Option<Value>) -> Option<Self>;
}

impl Field for bool {
    fn of(value: Option<Value>) -> Option<Self> {
        match value? {
            Value::Boolean(on) => Some(on),
            _ => None,
        }
    }
}

impl Field for i64 {
    fn of(value: Option<Value>) -> Option<Self> {
        value?.as_number()
    }
}

impl Field for i32 {
    fn of(value: Option<Value>) -> Option<Self> {
        value?.as_number()?.try_into().ok()
    }
}

impl Field for i16 {
    fn of(value: Option<Value>) -> Option<Self> {
        value?.as_number()?.try_into().ok()
    }
}

impl Field for f64 {
    fn of(value: Option<Value>) -> Option<Self> {
        match value? {
            Value::Double(double) => Some(double),
            _ => None,
        }
    }
}

impl Field for String {
    fn of(value: Option<Value>) -> Option<Self> {
        value?.as_text().map(str::to_owned)
    }
}

impl Field for Vec<String> {
    fn of(value: Option<Value>) -> Option<Self> {
        value?.as_list().map(<[_]>::to_vec)
    }
}

impl<T: Field> Field for Option<T> {
    fn of(value: Option<Value>) -> Option<Self> {
        Some(value.and_then(|value| T::of(Some(value))))
    }
}

/// The value of the key `name`.
///
/// Panics when the table has no such key or its type does not fit: that is a mistake in this crate, which the test
/// that makes every part finds.
pub(crate) fn field<T: Field>(settings: &Settings, name: &str) -> T {
    keys::find_broker(name)
        .and_then(|key| T::of(settings.value(key)))
        .unwrap_or_else(|| panic!("the table of keys and the typed configs disagree on {name}"))
}

/// A struct whose fields are keys, each documented by the key's name, with `of(&Settings)`.
macro_rules! part {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty = $key:literal,)* } $(computed { $($(#[$doc:meta])* $extra:ident: $extra_type:ty = $compute:expr,)* })?) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $(#[doc = concat!("`", $key, "`")] pub $field: $type,)*
            $($($(#[$doc])* pub $extra: $extra_type,)*)?
        }

        impl $name {
            pub(crate) fn of(settings: &$crate::settings::Settings) -> Self {
                Self {
                    $($field: $crate::broker::fields::field(settings, $key),)*
                    $($($extra: $compute(settings),)*)?
                }
            }

            #[cfg(test)]
            pub(crate) const KEYS: &'static [&'static str] = &[$($key),*];
        }
    };
}
pub(crate) use part;
