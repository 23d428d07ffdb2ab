//! Turns the deserialiser's messages into what is wrong and what to do, in the words of the
//! configuration file.

/// Splits a message of serde into the two halves of a problem.
pub(super) fn translate(message: &str) -> (String, String) {
    let message = message.trim_end();
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let mend = match rest.split_once(", expected ") {
            Some((_, known)) => format!("use {known}, or remove it"),
            None => "remove it".to_owned(),
        };
        return ("unknown key".to_owned(), mend);
    }
    if let Some((value, known)) = split(message, "unknown variant ") {
        return (format!("unknown value {value}"), format!("write {known}"));
    }
    if let Some((found, expected)) = split(message, "invalid type: ") {
        return (
            format!("wrong type: {found}"),
            format!("write {}", kind_of(expected)),
        );
    }
    if let Some((found, expected)) = split(message, "invalid value: ") {
        return (
            format!("out of range: {found}"),
            format!("write {}", kind_of(expected)),
        );
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return (format!("missing key {field}"), "add it".to_owned());
    }
    (
        message.to_owned(),
        "see docs/ref/configuration.md".to_owned(),
    )
}

fn split<'m>(message: &'m str, prefix: &str) -> Option<(&'m str, &'m str)> {
    message.strip_prefix(prefix)?.split_once(", expected ")
}

/// A Rust type as a user of the file would call it.
fn kind_of(expected: &str) -> String {
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "string" | "path string" => "a text in double quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list in square brackets",
        other if other.starts_with("struct ") => "a section with its keys below it",
        other => other,
    };
    words.to_owned()
}
