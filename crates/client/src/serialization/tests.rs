//! The bytes of the built-in serializers are Kafka's, and come back as they went.

use bytes::Bytes;
use moldau_types::Uuid;

use super::*;
use crate::config::{ConfigValue, ConsumerConfig, ProducerConfig};

fn round<T: PartialEq + std::fmt::Debug>(
    serde: &(impl Serializer<T> + Deserializer<T>),
    value: T,
    bytes: &[u8],
) {
    let written = serde.serialize("t", &value).expect("serialized");
    assert_eq!(written, bytes, "{value:?}");
    assert_eq!(serde.deserialize("t", &written), Ok(value));
}

#[test]
fn each_type_has_the_bytes_of_kafkas_class() {
    round(&NumberSerde, 258i16, &[1, 2]);
    round(&NumberSerde, -2i32, &[255, 255, 255, 254]);
    round(&NumberSerde, 1i64 << 40, &[0, 0, 1, 0, 0, 0, 0, 0]);
    round(&NumberSerde, 1.5f32, &[0x3f, 0xc0, 0, 0]);
    round(&NumberSerde, -0.5f64, &[0xbf, 0xe0, 0, 0, 0, 0, 0, 0]);
    round(&BooleanSerde, true, &[1]);
    round(&StringSerde, "Brücke".to_owned(), "Brücke".as_bytes());
    round(&BytesSerde, Bytes::from_static(b"\0\x01"), &[0, 1]);
    let uuid =
        Uuid([0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0]);
    round(&UuidSerde, uuid, b"123e4567-e89b-12d3-a456-426614174000");
}

#[test]
fn bytes_of_another_type_are_refused() {
    let bytes = Bytes::from_static(b"\xff\xff\xff");
    let number: SerdeResult<i32> = NumberSerde.deserialize("t", &bytes);
    assert_eq!(number, Err("it has 3 bytes instead of 4".to_owned()));
    assert!(Deserializer::<String>::deserialize(&StringSerde, "t", &bytes).is_err());
    assert!(BooleanSerde.deserialize("t", &Bytes::from_static(&[2])).is_err());
    for bad in ["", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g", "äöü"] {
        assert!(UuidSerde.deserialize("t", &Bytes::from_static(bad.as_bytes())).is_err(), "{bad}");
    }
    assert!(VoidSerde.deserialize("t", &bytes).is_err());
}

#[test]
fn java_classes_are_known_by_name() {
    let package = "org.apache.kafka.common.serialization";
    assert_eq!(SerdeClass::of_java(&format!("{package}.StringSerializer")), Some(SerdeClass::String));
    assert_eq!(SerdeClass::of_java(&format!("{package}.UUIDDeserializer")), Some(SerdeClass::Uuid));
    assert_eq!(SerdeClass::of_java("com.example.StringSerializer"), None);
    let error = <Option<SerdeClass>>::parse("com.example.Avro").expect_err("unknown");
    assert!(error.contains("ByteArray, ByteBuffer"), "{error}");
    let text =
        format!("key.serializer={package}.LongSerializer\nvalue.serializer={package}.StringSerializer");
    let config = ProducerConfig::from_properties(&text).expect("good");
    assert_eq!(
        (config.key_serializer, config.value_serializer),
        (Some(SerdeClass::Long), Some(SerdeClass::String))
    );
    let consumer = ConsumerConfig::from_properties(&format!("key.deserializer={package}.VoidDeserializer"));
    assert_eq!(consumer.expect("good").key_deserializer, Some(SerdeClass::Void));
}

#[test]
fn a_class_takes_its_own_type_only() {
    assert_eq!(SerdeClass::Short.serialize("t", &Datum::from(3i16)), Ok(Bytes::from_static(&[0, 3])));
    let refused = SerdeClass::Short.serialize("t", &Datum::from("3")).expect_err("another type");
    assert_eq!(refused, "ShortSerializer can't take a string");
    assert_eq!(SerdeClass::String.deserialize("t", &Bytes::from("x")), Ok(Datum::from("x")));
}

#[cfg(feature = "json")]
#[test]
fn json_is_the_document_alone() {
    round(&JsonSerde, vec![Some(1), None], b"[1,null]");
    let wrong: SerdeResult<Vec<u8>> = JsonSerde.deserialize("t", &Bytes::from_static(b"{"));
    assert!(wrong.is_err());
}
