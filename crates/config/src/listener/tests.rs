//! Listeners and addresses in every form.

use super::{Endpoint, HostPort};

fn endpoint(text: &str) -> Option<(String, String, u16)> {
    Endpoint::parse(text).map(|e| (e.name, e.address.host, e.address.port))
}

#[test]
fn listeners_of_every_form_are_read() {
    let is = |name: &str, host: &str, port| Some((name.to_owned(), host.to_owned(), port));
    assert_eq!(endpoint("PLAINTEXT://localhost:9092"), is("PLAINTEXT", "localhost", 9092));
    assert_eq!(endpoint("PLAINTEXT://:9092"), is("PLAINTEXT", "", 9092));
    assert_eq!(endpoint("plaintext://0.0.0.0:0"), is("PLAINTEXT", "0.0.0.0", 0));
    assert_eq!(endpoint("EXTERNAL-1://[::1]:65535"), is("EXTERNAL-1", "::1", 65535));
    assert_eq!(endpoint("A_B.C://my-host.example_x:1"), is("A_B.C", "my-host.example_x", 1));
    assert_eq!(endpoint("P://[fe80::1%eth0]:1"), is("P", "fe80::1%eth0", 1));
}

#[test]
fn what_is_no_listener_is_refused() {
    for text in [
        "",
        "PLAINTEXT",
        "PLAINTEXT://",
        "PLAINTEXT://host",
        "PLAINTEXT://host:",
        "PLAINTEXT://host:x",
        "://host:1",
        "PLAINTEXT://host:65536",
        "PLAINTEXT://host:-1",
        "PLAINTEXT:/host:1",
        "PLAINTEXT://[::1:1",
        "P Q://h:1",
        "PLAINTEXT://ho st:1",
        "PLAINTEXT://host:+1",
        "P://host/path:1",
    ] {
        assert_eq!(endpoint(text), None, "{text}");
    }
}

#[test]
fn addresses_are_written_as_they_are_read() {
    for text in ["PLAINTEXT://h:1", "PLAINTEXT://[::1]:1", "PLAINTEXT://:0"] {
        assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(HostPort::parse("[::]:5").unwrap().to_string(), "[::]:5");
}
