//! Masks what differs by nature in an answer.

use serde_json::Value;

use crate::world::World;

/// Fields whose value is this server's own; they are compared as being there, negative ones as they are.
const OWN: [&str; 17] = [
    "clusterId",
    "logAppendTimeMs",
    "producerId",
    "currentStateTimestamp",
    "totalBytes",
    "usableBytes",
    "partitionSize",
    "brokerEpoch",
    "sessionId",
    "memberId",
    "lastTimestamp",
    "finalizedFeaturesEpoch",
    "topicId",
    "port",
    "nodePort",
    "logDir",
    "records",
];

/// The answer with what is this server's own replaced by words.
pub(crate) fn mask(value: &Value, world: &World) -> Value {
    walk(None, value, world)
}

fn walk(field: Option<&str>, value: &Value, world: &World) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| walk(field, item, world)).collect();
            // The reference answers from hash maps.
            items.sort_by_cached_key(sorted_text);
            Value::Array(items)
        }
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(name, value)| (name.clone(), walk(Some(name), value, world))).collect(),
        ),
        Value::String(text) => match world.word(text) {
            Some(word) => word.into(),
            None if field.is_some_and(|field| OWN.contains(&field))
                && !text.is_empty()
                && !is_zero_id(text) =>
            {
                "OWN".into()
            }
            None => text.replace(&world.address, "ADDRESS").into(),
        },
        Value::Number(number) => match number.as_i64() {
            Some(n) if n > 0 && field.is_some_and(|field| OWN.contains(&field)) => "OWN".into(),
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

/// The value as text with the fields of objects by name, in whatever order they are kept.
fn sorted_text(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name:?}:{}", sorted_text(value))).collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(sorted_text).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn is_zero_id(text: &str) -> bool {
    text == "AAAAAAAAAAAAAAAAAAAAAA"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arrays_are_sorted_whatever_the_order_of_fields() {
        let world = World::new("127.0.0.1:1");
        let masked = mask(&json!([{"b": 2, "a": 1}, {"a": 0, "b": 3}, {"b": 1, "a": 1}]), &world);
        assert_eq!(masked, json!([{"a": 0, "b": 3}, {"a": 1, "b": 1}, {"a": 1, "b": 2}]));
    }
}
