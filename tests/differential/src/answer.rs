//! An answer in the form in which it is compared: what differs by nature is masked, what comes from hash maps is sorted or a map, and
//! fetched records are decoded.

use moldau_protocol::ApiKey;
use moldau_protocol::records::batches;
use serde_json::{Map, Value, json};

use crate::world::World;

/// Fields whose value is this server's own; they are compared as being there, negative ones as they are.
const OWN: [&str; 15] = [
    "clusterId",
    "producerId",
    "currentStateTimestamp",
    "totalBytes",
    "usableBytes",
    "partitionSize",
    "brokerEpoch",
    "sessionId",
    "memberId",
    "leader",
    "finalizedFeaturesEpoch",
    "topicId",
    "port",
    "nodePort",
    "logDir",
];

/// Arrays that the reference makes of hash maps or shuffles, by API; all others keep their order.
const WITHOUT_ORDER: [(&str, &str); 13] = [
    ("DeleteGroups", "results"),
    ("DeleteTopics", "responses"),
    ("DescribeConfigs", "configs"),
    ("DescribeGroups", "groups"),
    ("DescribeLogDirs", "partitions"),
    ("DescribeLogDirs", "topics"),
    ("DescribeProducers", "activeProducers"),
    ("ElectLeaders", "replicaElectionResults"),
    ("ListConfigResources", "configResources"),
    ("ListGroups", "groups"),
    ("Metadata", "topics"),
    ("OffsetDelete", "partitions"),
    ("OffsetDelete", "topics"),
];

/// The answer to a request of the API of this name.
pub(crate) fn comparable(api: &str, value: &Value, world: &World) -> Value {
    Walk { api, world }.value(None, value)
}

struct Walk<'a> {
    api: &'a str,
    world: &'a World,
}

impl Walk<'_> {
    fn value(&self, field: Option<&str>, value: &Value) -> Value {
        match value {
            Value::Array(items) => self.array(field, items),
            Value::Object(fields) => Value::Object(
                fields.iter().map(|(name, value)| (name.clone(), self.value(Some(name), value))).collect(),
            ),
            Value::String(text) if field == Some("records") => decoded(text),
            Value::String(text) => match self.world.word(text) {
                Some(word) => word.into(),
                None if is_own(field) && !text.is_empty() && !is_zero_id(text) => "OWN".into(),
                None => text.replace(&self.world.address, "ADDRESS").into(),
            },
            Value::Number(number)
                if is_own(field) && number.as_i64().is_some_and(|n| n >= own_min(field)) =>
            {
                "OWN".into()
            }
            _ => value.clone(),
        }
    }

    fn array(&self, field: Option<&str>, items: &[Value]) -> Value {
        match field {
            Some("apiKeys") => by_name(items, api_name, ["minVersion", "maxVersion"]),
            Some("supportedFeatures") => by_name(items, feature_name, ["minVersion", "maxVersion"]),
            Some("finalizedFeatures") => by_name(items, feature_name, ["minVersionLevel", "maxVersionLevel"]),
            _ => {
                let mut items: Vec<Value> = items.iter().map(|item| self.value(field, item)).collect();
                if field.is_some_and(|field| WITHOUT_ORDER.contains(&(self.api, field))) {
                    items.sort_by_cached_key(sorted_text);
                }
                Value::Array(items)
            }
        }
    }
}

fn is_own(field: Option<&str>) -> bool {
    field.is_some_and(|field| OWN.contains(&field))
}

/// The least value that is a server's own. Producer ids begin at 0; in other fields it says that there is nothing.
fn own_min(field: Option<&str>) -> i64 {
    if field == Some("producerId") { 0 } else { 1 }
}

fn is_zero_id(text: &str) -> bool {
    text == "AAAAAAAAAAAAAAAAAAAAAA"
}

/// A list of ranges as a map, `{"Fetch": "4-18"}`, so that what only one server has is told apart from what both have.
fn by_name(items: &[Value], name: fn(&Value) -> String, [min, max]: [&str; 2]) -> Value {
    let range = |item: &Value| (name(item), json!(format!("{}-{}", item[min], item[max])));
    Value::Object(items.iter().map(range).collect::<Map<_, _>>())
}

fn api_name(item: &Value) -> String {
    let code = item["apiKey"].as_i64().and_then(|code| i16::try_from(code).ok());
    let key = code.and_then(ApiKey::from_i16);
    key.map_or_else(|| item["apiKey"].to_string(), |key| key.name().to_owned())
}

fn feature_name(item: &Value) -> String {
    item["name"].as_str().unwrap_or_default().to_owned()
}

/// The batches of fetched records, each a line of its header's fields and one for each record.
fn decoded(base64: &str) -> Value {
    let Some(bytes) = from_base64(base64) else { return json!("not base64") };
    let mut lines = Vec::new();
    let mut all = batches(&bytes);
    for batch in &mut all {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                lines.push(json!(format!("not a batch: {error}")));
                break;
            }
        };
        let header = batch.header;
        lines.push(json!(format!(
            "batch {}-{}: {} records, leader epoch {}, attributes {}, timestamps {}-{}, producer epoch {}, sequence {}, {} checksum",
            header.base_offset,
            header.last_offset(),
            header.record_count,
            header.partition_leader_epoch,
            header.attributes,
            header.base_timestamp,
            header.max_timestamp,
            header.producer_epoch,
            header.base_sequence,
            if batch.verify_crc().is_ok() { "right" } else { "wrong" },
        )));
        match records_of(&batch) {
            Ok(records) => lines.extend(records),
            Err(error) => lines.push(json!(format!("no records: {error}"))),
        }
    }
    if !all.remainder().is_empty() {
        lines.push(json!(format!("{} bytes of one more", all.remainder().len())));
    }
    Value::Array(lines)
}

fn records_of(
    batch: &moldau_protocol::records::BatchView<'_>,
) -> Result<Vec<Value>, moldau_protocol::records::RecordsError> {
    const TEXT_MAX: usize = 40;
    let text = |bytes: Option<&[u8]>| match bytes {
        None => "null".to_owned(),
        Some(bytes) if bytes.len() > TEXT_MAX => format!("{} bytes", bytes.len()),
        Some(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
    };
    let mut lines = Vec::new();
    let mut records = batch.records()?;
    while let Some(record) = records.next_record()? {
        let headers: Vec<String> =
            record.headers.map(|header| format!(" {}={}", header.key_text(), text(header.value))).collect();
        lines.push(json!(format!(
            "{} at {}: {} {}{}",
            record.offset,
            record.timestamp,
            text(record.key),
            text(record.value),
            headers.concat()
        )));
    }
    Ok(lines)
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let six = LETTERS.iter().position(|known| *known == letter)?;
        held = held << 6 | u32::try_from(six).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_keep_their_order_but_those_of_hash_maps() {
        let world = World::new("127.0.0.1:1");
        let (api, field) = WITHOUT_ORDER[0];
        let items = json!([{"b": 2, "a": 1}, {"a": 0, "b": 3}, {"b": 1, "a": 1}]);
        let sorted = comparable(api, &json!({field: items, "other": items}), &world);
        assert_eq!(sorted[field], json!([{"a": 0, "b": 3}, {"a": 1, "b": 1}, {"a": 1, "b": 2}]));
        assert_eq!(sorted["other"], items);
    }

    #[test]
    fn apis_are_a_map_of_their_versions() {
        let world = World::new("127.0.0.1:1");
        let answer = json!({"apiKeys": [{"apiKey": 1, "minVersion": 4, "maxVersion": 18}]});
        let fetch = comparable("ApiVersions", &answer, &world);
        assert_eq!(fetch, json!({"apiKeys": {"Fetch": "4-18"}}));
    }

    #[test]
    fn records_are_decoded() {
        let mut builder = moldau_protocol::records::BatchBuilder::new();
        builder.append(5, Some(b"k"), None, &[]).unwrap();
        let response = moldau_protocol::messages::fetch_response::PartitionData {
            records: Some(builder.build().unwrap().into()),
            ..Default::default()
        };
        let response = moldau_protocol::messages::FetchResponse {
            responses: vec![moldau_protocol::messages::fetch_response::FetchableTopicResponse {
                partitions: vec![response],
                ..Default::default()
            }],
            ..Default::default()
        };
        let json = moldau_protocol::json::JsonMessage::to_json(&response, 12);
        let records = comparable("Fetch", &json, &World::new("127.0.0.1:1"))["responses"][0]["partitions"][0]
            ["records"]
            .clone();
        assert_eq!(
            records,
            json!([
                "batch 0-0: 1 records, leader epoch -1, attributes 0, timestamps 5-5, producer epoch -1, sequence -1, right checksum",
                "0 at 5: \"k\" null",
            ])
        );
    }
}
