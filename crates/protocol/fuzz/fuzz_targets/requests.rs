//! A frame as a server receives it: the header says which request follows. The views must agree with the messages.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moldau_protocol::messages::fetch_request::FetchRequestView;
use moldau_protocol::messages::produce_request::ProduceRequestView;
use moldau_protocol::{ApiKey, Reader, frame, testing};

fuzz_target!(|input: &[u8]| {
    let mut r = Reader::new(input);
    let Ok((key, header)) = frame::decode_request_header(&mut r) else { return };
    let version = header.request_api_version;
    let name = format!("{key}Request");
    let Some(entry) = testing::all().iter().find(|e| e.name == name) else { return };
    let decoded = (entry.decode)(r.rest(), version);
    let view = match key {
        ApiKey::Produce => ProduceRequestView::decode_all(r.rest(), version).is_ok(),
        ApiKey::Fetch => FetchRequestView::decode_all(r.rest(), version).is_ok(),
        _ => return,
    };
    // A view is only stricter about text that is not UTF-8.
    assert!(!view || decoded.is_ok());
});
