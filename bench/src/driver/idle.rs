//! Connections that said hello and then nothing.

use anyhow::Result;
use moldau_protocol::messages::ApiVersionsRequest;

use super::connection::Connection;

/// Opens that many; they stay open while the value lives.
pub(crate) fn open_idle(address: &str, count: usize) -> Result<Vec<Connection>> {
    let hello = |_| {
        let mut connection = Connection::open(address)?;
        connection.ask(2, &ApiVersionsRequest::default())?;
        Ok(connection)
    };
    (0..count).map(hello).collect()
}
